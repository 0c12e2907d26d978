import { openIndexedDbStore } from '../../src/platform/web/indexeddb-store.ts';
import { storeContract } from '../platform/store-contract.ts';

storeContract('IndexedDB', openIndexedDbStore, true);
