/* quota.c - see quota.h. */
#include "core/quota.h"

struct str quota_unit_word(size_t unit) {
    static const struct str words[] = {
        [quota_requests] = STR("requests"), [quota_tokens] = STR("tokens"), [quota_characters] = STR("characters")};
    return unit < quota_units ? words[unit] : STR("");
}

static int64_t quota_amount(int64_t units) {
    return units < 0 ? 0 : units > quota_amount_most ? quota_amount_most : units;
}

static uint64_t quota_start(const struct quota *quota, int64_t now_s) {
    int64_t start_s = window_now(&quota->window, now_s).start_s;
    return start_s > 0 ? (uint64_t)start_s : 0;
}

struct quota_view quota_look(const struct quota *quota, int64_t now_s) {
    struct spend_view seen = spend_look(quota->spend, quota_start(quota, now_s));
    int64_t committed = seen.committed < quota->limit ? seen.committed : quota->limit;
    return (struct quota_view){.counted = seen.spent,
                               .reserved = seen.committed - seen.spent,
                               .span = window_now(&quota->window, now_s),
                               .left = (double)(quota->limit - committed) / (double)quota->limit};
}

int64_t quota_take(const struct quota *quota, int64_t now_s, int64_t units, uint64_t *window_s) {
    return spend_reserve_left(quota->spend, quota_start(quota, now_s), quota_amount(units), quota->limit, window_s);
}

int64_t quota_settle(const struct quota *quota, uint64_t window_s, int64_t taken, int64_t used) {
    used = quota_amount(used);
    spend_settle(quota->spend, window_s, taken, used);
    return used;
}
