/* config_reference.c - the configuration's reference as a page. The words around the tables are here; the rows are the
 * schema's. */
#include "config/config_reference.h"

#include "config/config_schema.h"

static const char intro[] =
    "# Configuration\n\n"
    "YAML. Searched in this order: `-c FILE`, `WEIR_CONFIG`, `./weir.yaml`, `$XDG_CONFIG_HOME/weir/weir.yaml`, "
    "`/etc/weir/weir.yaml`; else\n"
    "the environment alone. The whole file may stand under a top-level key `ai_providers:`.\n\n"
    "- `${NAME}` and `${NAME:-default}` in a value take an environment variable; unset without default is an error "
    "with its line, but in a\n"
    "  disabled provider. A value `file:PATH` takes a file's content, without the blanks at its ends. `vault:NAME` in "
    "a provider's `api_key`, `api_keys` and values of `headers` takes an entry of the vault\n"
    "  ([credentials.md](credentials.md)).\n"
    "- Unknown keys are errors, with the nearest known key suggested. `weir check` tells every problem as "
    "FILE:LINE:COLUMN: message.\n"
    "- A reload (SIGHUP, `POST /admin/v1/reload`) is atomic: a bad file, or one without any key, changes nothing; "
    "requests in flight finish on "
    "the configuration that\n"
    "  they started with. `listen`, `workers`, `state_dir`, `log` and the connection limits and timeouts need a "
    "restart.\n"
    "  The files of `ca_file`, `cert` and `key` are read at the start and at each reload: one that has been changed "
    "counts from then on, one that cannot be used is an error of `weir check`, and nothing changes.\n"
    "- A key marked *later* is parsed and checked, but its feature is not in this version: `weir check` says so. "
    "*Protects* means that, too, but\n"
    "  `weir serve` refuses to start, because what the key closes would be open.\n"
    "- YAML as it is: anchors, aliases and merges (`<<: *name`) within limits (100000 values that aliases stand for), "
    "`true`, `True`, `yes`, `on` and their opposites.\n\n"
    "Without a file, each provider whose key is in the environment serves. Also read then: `PRIMARY_PROVIDER`, "
    "`SECONDARY_PROVIDER`,\n"
    "`FALLBACK_PROVIDER` (types, tried first, second, third), `PROVIDER_TIMEOUT` (seconds), `PROVIDER_RETRY_ATTEMPTS`, "
    "`PROVIDER_LOAD_BALANCE`,\n"
    "`ENABLE_PROVIDER_SYSTEM` (false: the simulated provider only), `WEIR_LISTEN`, `WEIR_STATE_DIR`, `WEIR_LEDGER`, "
    "`WEIR_LOG` "
    "(level). A provider's variable that is empty, or half of a pair, is an error.\n"
    "With no variable of any provider, or `--simulated`, the built-in simulated provider answers, and says so: at "
    "level warn, in `/readyz`, on the page, and in each reply (`x-weir-simulated`).\n"
    "`HTTPS_PROXY` (or `https_proxy`), `http_proxy` and `NO_PROXY` (or `no_proxy`) count for every provider without a "
    "`proxy` of its own.\n\n"
    "Which targets serve a request: the route of exactly that model; a route whose glob matches; `provider/model` for "
    "a configured provider; the\n"
    "providers that list the model; short names of listed models "
    "(`mixtral-8x7b`); for `default` or no model each "
    "provider's default model (of moderations, images and forecasts each one's model for that); for a name\n"
    "that no list knows the providers whose `families` in the [catalogue](catalogue.md) claim it and whose `models` "
    "is not written out, its price unknown; else a 404 that names the nearest. Targets\n"
    "are tried in the order of their provider's priority, equal ones as written.\n";

static void cell(struct text *text, struct str value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '|') text_put_byte(text, '\\');
        text_put_byte(text, value.at[i]);
    }
}

static void range(struct text *text, const struct config_key *key) {
    if (key->most <= key->least) return;
    bool above = key->value == value_seconds && key->least <= 0 && !key->none;
    if (key->most < config_no_most)
        text_printf(text, "%s%.15g to %.15g", above ? "above " : "", key->least, key->most);
    else
        text_printf(text, "%s %.15g", above ? "above" : "from", key->least);
}

static void row(struct text *text, const struct config_key *key) {
    static const char *const status[] = {"", "*later*", "*protects*"};
    text_put(text, STR("| `"));
    text_put(text, key->name);
    text_put(text, STR("` | "));
    if (key->fallback.len) {
        text_put_byte(text, '`');
        cell(text, key->fallback);
        text_put_byte(text, '`');
    }
    cell(text, key->otherwise);
    text_put(text, STR(" | "));
    range(text, key);
    text_put(text, STR(" | "));
    cell(text, key->sentence);
    for (size_t i = 0; config_key_choice(key, i).len; i++) {
        text_put(text, i ? STR("\\|") : STR(" One of: "));
        text_put(text, config_key_choice(key, i));
        if (!config_key_choice(key, i + 1).len) text_put_byte(text, '.');
    }
    text_put(text, STR(" | "));
    text_put(text, str_from(status[key->status]));
    text_put(text, STR(" |\n"));
}

void config_reference_write(struct text *text) {
    text_put(text, str_make(intro, sizeof intro - 1));
    for (int section = 0; section < config_sections; section++) {
        struct str name = config_section_name((enum config_section)section);
        text_put(text, STR("\n## "));
        text_put(text, name.len ? name : STR("Top level"));
        text_put(text, STR("\n\n| key | default | range | what | |\n|---|---|---|---|---|\n"));
        size_t count;
        const struct config_key *keys = config_keys_of((enum config_section)section, &count);
        for (size_t i = 0; i < count; i++) row(text, &keys[i]);
    }
}
