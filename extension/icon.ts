import { LabIcon } from '@jupyterlab/ui-components';
import svg from '../style/icons/flashlab.svg';

export const flashlabIcon = new LabIcon({ name: 'jupyterlab-flashlab:icon', svgstr: svg });
