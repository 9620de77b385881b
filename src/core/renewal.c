/* renewal.c - see renewal.h. */
#include "core/renewal.h"

struct renewal renewal_new(int64_t now_s) {
    return (struct renewal){.next_s = now_s};
}

void renewal_restore(struct renewal *renewal, int64_t fetched_s) {
    renewal->fetched = true;
    renewal->fetched_s = fetched_s;
}

bool renewal_is_due(const struct renewal *renewal, int64_t now_s) {
    return !renewal->under_way && now_s >= renewal->next_s;
}

void renewal_begin(struct renewal *renewal) { renewal->under_way = true; }

void renewal_came(struct renewal *renewal, int64_t now_s, int64_t max_age_s, int64_t period_s) {
    int64_t least_s = period_s < renewal_least_s ? period_s : renewal_least_s;
    int64_t wait_s = max_age_s < 0 || max_age_s > period_s ? period_s : max_age_s;
    renewal->under_way = false;
    renewal->failures = 0;
    renewal->fetched = true;
    renewal->fetched_s = now_s;
    renewal->next_s = now_s + (wait_s < least_s ? least_s : wait_s);
}

void renewal_failed(struct renewal *renewal, int64_t now_s, int64_t period_s) {
    int64_t wait_s = renewal_again_s;
    for (unsigned i = 0; i < renewal->failures && wait_s < renewal_again_most_s; i++) wait_s *= 2;
    if (wait_s > renewal_again_most_s) wait_s = renewal_again_most_s;
    if (wait_s > period_s) wait_s = period_s;
    renewal->under_way = false;
    renewal->failures += renewal->failures < UINT32_MAX;
    renewal->next_s = now_s + wait_s;
}

void renewal_want(struct renewal *renewal, int64_t now_s) { renewal->next_s = now_s; }

bool renewal_ask(struct renewal *renewal, int64_t now_s) {
    if (renewal->under_way) return true;
    if (renewal->asked && now_s - renewal->asked_s < renewal_asked_every_s) return renewal->next_s <= now_s;
    renewal->asked = true;
    renewal->asked_s = now_s;
    renewal->next_s = now_s;
    return true;
}

int64_t renewal_until_s(const struct renewal *renewal) {
    return renewal->fetched ? renewal->fetched_s + renewal_kept_s : INT64_MIN;
}

int64_t renewal_max_age_s(struct str cache_control, struct str age) {
    static const struct str max_age = STR("max-age=");
    struct str directive;
    uint64_t most = 0, old = 0;
    bool said = false;
    while (str_split_next(&cache_control, ',', &directive)) {
        directive = str_trim(directive);
        if (str_eq_nocase(directive, STR("no-store")) || str_eq_nocase(directive, STR("no-cache"))) return 0;
        struct str value = str_slice(directive, max_age.len, directive.len);
        if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
            value = str_slice(value, 1, value.len - 1);
        if (str_starts_nocase(directive, max_age) && !said) said = str_to_u64(value, &most);
    }
    if (!said) return -1;
    if (!str_to_u64(str_trim(age), &old) || old > most) old = old > most ? most : 0;
    return most - old > INT32_MAX ? INT32_MAX : (int64_t)(most - old);
}
