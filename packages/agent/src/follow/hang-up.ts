import { describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { restartProgram } from '../deploy/switch-program.js';
import type { Pushes } from './pushes.js';

/** The program starts anew, gracefully, where there is one; what is wanted is looked at in any case. */
export function hangUp(context: AgentContext, pushes: Pick<Pushes, 'nudge'>): void {
  pushes.nudge();
  startAnew(context);
}

/** The program starts anew, gracefully, where there is one and a release that it runs from. */
export function startAnew(context: AgentContext): void {
  restartProgram(context).catch((error: unknown) => {
    if (!context.signal.aborted)
      context.log.error({ err: describeError(error) }, 'the program was not restarted');
  });
}
