export { type AgentOptions, type RunningAgent, startAgent } from './agent.ts';
/** The sampler as a library: `new Sampler({ intervalMs: 1000, onSample }).start()`. */
export { type Inventory, readInventory } from './sampler/inventory.ts';
export { type Gpu, MIN_INTERVAL_MS, type Sample, Sampler, type SamplerOptions } from './sampler/sampler.ts';
