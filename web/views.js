// Which views there are, in the order of the menu, and whose they are.
import { show_providers } from "./view_providers.js";

const operators = ["operator", "admin"];
export const views = [
  { id: "providers", title: "Providers", roles: operators, show: show_providers },
];
