import 'uplot/dist/uPlot.min.css';
import './tokens.css';
import './ui.css';
import './workspace.css';
import './run.css';
import { render } from 'preact';
import { systemClock } from '../../src/platform/clock.ts';
import { createHttpQuery } from '../../src/query/http-query.ts';
import { AppView, createApp } from './app.tsx';
import { startRouter } from './router.ts';
import { startTheme } from './state/theme.ts';

startTheme();
startRouter();
const [app] = createApp(createHttpQuery(location.origin, systemClock));
const root = document.getElementById('app');
if (!root) throw new Error('The page has no element with the id "app".');
render(<AppView app={app} />, root);
