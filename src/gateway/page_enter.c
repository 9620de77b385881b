/* page_enter.c - POST /page/enter: the admin key, once, to who has the code of the link that a first start printed. */
#include "base/memory.h"
#include "dialect/json.h"
#include "gateway/errand.h"

enum { enter_code_most = 80, enter_key_most = 300 };

struct entering {
    struct errand errand;
    char code[enter_code_most], key[enter_key_most];
    bool good;
};

static void entering_run(void *own) {
    struct entering *entering = own;
    const struct gateway_options *options = &entering->errand.gateway->options;
    entering->good =
        options->enter && options->enter(options->context, str_from(entering->code), entering->key, enter_key_most);
    errand_done(entering);
}

static void entering_end(void *own) {
    struct entering *entering = own;
    char bytes[enter_key_most + 32];
    struct text text = text_in_buffer(bytes, sizeof bytes);
    if (!entering->good) {
        visit_error(entering->errand.visit, error_not_allowed,
                    STR("This link was used, is older than an hour, or is of an earlier start: sign in with the admin "
                        "key, which stands in STATE_DIR/admin.key."));
        return;
    }
    text_put_byte(&text, '{');
    text_json_str(&text, STR("key"), str_from(entering->key));
    text_put_byte(&text, '}');
    visit_answer(entering->errand.visit, 200, STR("application/json"), text_str(&text));
    memory_wipe(bytes, sizeof bytes);
}

static void entering_release(void *own) {
    struct entering *entering = own;
    memory_wipe(entering->key, sizeof entering->key);
}

static const struct errand_kind entering_kind = {sizeof(struct entering), entering_run, entering_end, entering_release};

/* {"code": "..."} */
void answer_page_enter(struct visit *visit) {
    const char *problem = "";
    size_t at = 0;
    struct entering *entering = errand_new(visit, &entering_kind);
    if (!entering) return;
    struct json *json = json_parse(str_make(visit->body, visit->body_len), &problem, &at);
    struct str code = json_str(json_member(json_root(json), "code"), STR(""));
    if (code.len < enter_code_most) str_copy(entering->code, sizeof entering->code, code);
    json_free(json);
    errand_start(entering, entering->errand.gateway->options.control);
}
