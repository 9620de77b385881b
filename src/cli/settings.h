/* settings.h - key=value of the command line as members of the JSON object that the admin API takes: each as the
 * configuration's table of keys has it. What does not fit is refused by the gateway, in the configuration's words. */
#ifndef WEIR_CLI_SETTINGS_H
#define WEIR_CLI_SETTINGS_H

#include "base/text.h"
#include "config/config_schema.h"

struct cli_settings {
    const char *command; /* whose they are, for what is said: "provider" */
    enum config_section of;
    const char *const *arguments; /* key=value, key.inner=value */
    int count;
    struct str secret; /* what a value of `-` stands for; {NULL, 0}: for itself */
};

struct cli_setting {
    struct str key, inner, value; /* ranges of the argument; inner: behind the first dot; empty: none */
};
struct cli_setting cli_setting_of(const char *argument);
/* Of the key, or of what stands in it; NULL: there is none. */
const struct config_key *cli_setting_key(enum config_section of, const struct cli_setting *setting);

/* Is each of them key=value? false: a message was printed. */
bool cli_settings_check(const struct cli_settings *settings);
/* The members, without braces. What is in one map stands together, where the first of it does. */
void cli_settings_put(const struct cli_settings *settings, struct text *json);

#endif
