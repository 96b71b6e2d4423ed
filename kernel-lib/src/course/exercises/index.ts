import { quickstart } from './00-quickstart';
import { softmax } from './01-softmax';
import { standardAttention } from './02-standard-attention';
import { flashAttention1 } from './03-flash-attention-1';
import { flashAttention2 } from './04-flash-attention-2';
import { backward } from './05-backward';
import { speedAndMemory } from './06-speed-and-memory';
import { inPractice } from './07-in-practice';
import { transformer } from './08-transformer';
import { limits } from './09-limits';
import { training } from './10-training';

/** All exercises by name, in the order of the course; a file of exercises belongs to the notebook of its number. */
export const definitions = {
  ...quickstart,
  ...softmax,
  ...standardAttention,
  ...flashAttention1,
  ...flashAttention2,
  ...backward,
  ...speedAndMemory,
  ...inPractice,
  ...transformer,
  ...limits,
  ...training,
};
