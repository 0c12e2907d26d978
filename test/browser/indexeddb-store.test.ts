import { openIndexedDbStore } from '../../src/platform/web/indexeddb-store.ts';
import { storeContract } from '../platform/store-contract.ts';

storeContract({ kind: 'IndexedDB', open: openIndexedDbStore, outlivesClose: true, joins: true, rounds: 25 });
