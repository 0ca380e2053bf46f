/** Puts the console into the page. The address says which cluster, the fragment which view. */
import { render } from "preact";
import { App } from "./app.tsx";
import { placeOf } from "./lib/place.ts";
import { Session } from "./lib/session.ts";
import { applyTheme } from "./lib/theme.ts";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";

applyTheme();
const session = new Session(placeOf(new URL(location.href)));
render(<App session={session} />, document.querySelector("#app")!);
