export { type AsCompletedOptions, asCompleted } from './as-completed.js';
export { type Clock, systemClock, type Timer } from './clock.js';
export {
  AsyncError,
  type AsyncErrorCode,
  CancelledError,
  ExceptionGroup,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  TimeoutError,
} from './errors.js';
export { Executor, type ExecutorOptions } from './executor.js';
export { firstCompleted } from './first-completed.js';
export { type GatherOptions, gather, type ResultsOf } from './gather.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export { Queue } from './queue.js';
export { liveTasks } from './registry.js';
export { type ModuleFunction, runInExecutor } from './run-in-executor.js';
export { type Permit, Semaphore, type SemaphoreOptions } from './semaphore.js';
export { shield } from './shield.js';
export { type SleepOptions, sleep } from './sleep.js';
export {
  createTask,
  type ResultOf,
  type Runnable,
  run,
  type Task,
  type TaskOptions,
  type TaskState,
  type Work,
} from './task.js';
export { TaskGroup } from './task-group.js';
export { type TimedWork, type TimeoutScope, timeout, timeoutAt } from './timeout.js';
export {
  ALL_COMPLETED,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type Waited,
  type WaitOptions,
  wait,
} from './wait.js';
