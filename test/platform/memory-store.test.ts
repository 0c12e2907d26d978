import { MemoryStore } from '../../src/platform/memory-store.ts';
import { storeContract } from './store-contract.ts';

storeContract({ kind: 'memory', open: async () => new MemoryStore(), outlivesClose: false, joins: true, rounds: 200 });
