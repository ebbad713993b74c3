/** Headwater as a library: what a program imports from `headwater`. */
export { HeadwaterError } from '../shared/errors.js';
export type { Json } from '../shared/json.js';
export type { PatchOperation } from '../shared/patch.js';
export { type CreateOptions, createHeadwater, type Headwater } from './app/app.js';
export type { BoundListener } from './app/listeners.js';
export type { TopicHandle, TopicUpdate } from './app/topic-handle.js';
export { type BackgroundServer, runInBackground } from './background/background.js';
export type { CallArguments, CallName, CallResult } from './background/calls.js';
export { type Config, type ConfigInput, defineConfig } from './config/schema.js';
export { installLoopPolicy } from './loop/install.js';
export { libuv } from './loop/libuv.js';
export type { LoopPolicy } from './loop/policy.js';
export { uws } from './loop/uws.js';
export {
  type Pipeline,
  type PipelineOptions,
  pipeline,
  type RunningPipeline,
  type StageFailure,
  type StageOptions,
  type StageWork,
} from './source/pipeline.js';
export type { StageStats } from './source/readings.js';
export type {
  FetchContext,
  FunctionContext,
  StreamFunction,
  Transform,
  TransformContext,
} from './source/source.js';
export type { SystemVitals } from './source/system/system.js';
