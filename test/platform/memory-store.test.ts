import { MemoryStore } from '../../src/platform/memory-store.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory', async () => new MemoryStore(), false);
