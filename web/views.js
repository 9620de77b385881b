// Which views there are, in the order of the menu, and whose they are.
import { show_providers } from "./view_providers.js";
import { show_live } from "./view_live.js";
import { show_requests } from "./view_requests.js";
import { show_sessions } from "./view_sessions.js";
import { show_money } from "./view_money.js";
import { show_cache } from "./view_cache.js";
import { show_health } from "./view_health.js";
import { show_alerts } from "./view_alerts.js";
import { show_people } from "./view_people.js";
import { show_audit } from "./view_audit.js";
import { show_own, show_own_usage, show_own_sessions, show_own_key } from "./view_own.js";
import { show_first } from "./view_first.js";
import { show_play } from "./view_play.js";

const operators = ["operator", "admin"], users = ["user"];
export const views = [
  { id: "providers", title: "Providers", roles: operators, show: show_providers },
  { id: "live", title: "Live", roles: operators, show: show_live },
  { id: "requests", title: "Requests", roles: operators, show: show_requests },
  { id: "sessions", title: "Sessions", roles: operators, show: show_sessions },
  { id: "money", title: "Money", roles: operators, show: show_money },
  { id: "cache", title: "Cache", roles: operators, show: show_cache },
  { id: "health", title: "Health", roles: operators, show: show_health },
  { id: "alerts", title: "Alerts", roles: operators, show: show_alerts },
  { id: "people", title: "Owners and keys", roles: operators, show: show_people },
  { id: "audit", title: "Audit", roles: operators, show: show_audit },
  { id: "own", title: "Limits", roles: users, show: show_own },
  { id: "own-usage", title: "Spend", roles: users, show: show_own_usage },
  { id: "own-sessions", title: "Sessions", roles: users, show: show_own_sessions },
  { id: "own-key", title: "Key", roles: users, show: show_own_key },
  { id: "play", title: "Playground", roles: [...operators, ...users], show: show_play },
  { id: "first", title: "Set up", roles: ["admin"], show: show_first },
];
