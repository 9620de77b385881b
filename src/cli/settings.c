/* settings.c - see settings.h. */
#include "cli/settings.h"

#include <stdio.h>
#include <string.h>

struct cli_setting cli_setting_of(const char *argument) {
    struct str text = str_from(argument), name = str_slice(text, 0, str_find_byte(text, '='));
    size_t dot = str_find_byte(name, '.');
    return (struct cli_setting){.key = str_slice(name, 0, dot),
                                .inner = dot == SIZE_MAX ? STR("") : str_slice(name, dot + 1, name.len),
                                .value = str_slice(text, name.len + 1, text.len)};
}

static const struct config_key *setting_key_find(enum config_section of, struct str name) {
    const struct config_key *key = config_key_find(of, name);
    return key && key->synonym_of.len ? config_key_find(of, key->synonym_of) : key;
}

const struct config_key *cli_setting_key(enum config_section of, const struct cli_setting *setting) {
    const struct config_key *key = setting_key_find(of, setting->key);
    if (!setting->inner.len) return key;
    return key && key->value == value_section ? setting_key_find(key->inner, setting->inner) : NULL;
}

/* As JSON has numbers, and not more: 007 and 5. are texts. */
static bool setting_is_number(struct str value) {
    double number;
    char first = value.at[0] == '-' && value.len > 1 ? value.at[1] : value.at[0], last = value.at[value.len - 1];
    bool zero_first = first == '0' && value.len > 1 && value.at[value.at[0] == '-' ? 2 : 1] != '.';
    return str_to_double(value, &number) && byte_is_digit(first) && byte_is_digit(last) && !zero_first;
}

static void setting_list_put(struct text *json, struct str value, char separator, bool numbers) {
    struct str element;
    text_put_byte(json, '[');
    while (str_split_next(&value, separator, &element)) {
        element = str_trim(element);
        if (!element.len) continue;
        text_json_comma(json);
        if (numbers && setting_is_number(element))
            text_put(json, element);
        else
            text_put_json(json, element);
    }
    text_put_byte(json, ']');
}

static void setting_value_put(const struct cli_settings *settings, const struct config_key *key, struct str value,
                              struct text *json) {
    const enum config_value kind = key ? key->value : value_string;
    const bool list = kind == value_strings || kind == value_list || kind == value_numbers;
    const bool text = kind == value_string || kind == value_choice || kind == value_map;
    const bool truth = str_eq(value, STR("true")) || str_eq(value, STR("yes")) || str_eq(value, STR("on"));
    const bool lie = str_eq(value, STR("false")) || str_eq(value, STR("no")) || str_eq(value, STR("off"));
    if (settings->secret.at && str_eq(value, STR("-"))) {
        if (list)
            setting_list_put(json, settings->secret, '\n', false);
        else
            text_put_json(json, settings->secret);
    } else if (!value.len || str_eq(value, STR("null"))) {
        text_put(json, STR("null"));
    } else if (value.at[0] == '{' || value.at[0] == '[') {
        text_put(json, value); /* JSON already */
    } else if (list) {
        setting_list_put(json, value, ',', kind == value_numbers);
    } else if (!text && (truth || lie)) {
        text_put(json, truth ? STR("true") : STR("false"));
    } else if (!text && setting_is_number(value)) {
        text_put(json, value);
    } else {
        text_put_json(json, value);
    }
}

/* Of a map from names to texts; an empty one takes the name out. */
static void setting_text_put(struct str value, struct text *json) {
    if (value.len)
        text_put_json(json, value);
    else
        text_put(json, STR("null"));
}

static void setting_put(const struct cli_settings *settings, int at, struct text *json) {
    const struct cli_setting setting = cli_setting_of(settings->arguments[at]);
    for (int before = 0; before < at; before++) /* written with the first of its map */
        if (setting.inner.len && str_eq(cli_setting_of(settings->arguments[before]).key, setting.key)) return;
    const struct config_key *key = setting_key_find(settings->of, setting.key);
    text_json_key(json, setting.key);
    if (!setting.inner.len) {
        setting_value_put(settings, key, setting.value, json);
        return;
    }
    text_put_byte(json, '{');
    for (int i = at; i < settings->count; i++) {
        const struct cli_setting inner = cli_setting_of(settings->arguments[i]);
        if (!inner.inner.len || !str_eq(inner.key, setting.key)) continue;
        text_json_key(json, inner.inner);
        if (key && key->value == value_map && !str_eq(inner.value, STR("-")))
            setting_text_put(inner.value, json);
        else
            setting_value_put(settings, cli_setting_key(settings->of, &inner), inner.value, json);
    }
    text_put_byte(json, '}');
}

void cli_settings_put(const struct cli_settings *settings, struct text *json) {
    for (int i = 0; i < settings->count; i++) setting_put(settings, i, json);
}

bool cli_settings_check(const struct cli_settings *settings) {
    for (int i = 0; i < settings->count; i++)
        if (!strchr(settings->arguments[i], '=') || !cli_setting_of(settings->arguments[i]).key.len) {
            fprintf(stderr, "weir %s: `%s` is not key=value\n", settings->command, settings->arguments[i]);
            return false;
        }
    return true;
}
