export { exchangeAxes, shapeOf as shapeIn } from '../tensor/layout';
