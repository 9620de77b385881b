/* refusals.c - the table. Sources: the vendors' pages on errors and their recorded traffic; docs/dialects.md names
 * what they leave to words alone. */
#include "flight/refusals.h"

enum by { by_code, by_type, by_status, by_sentence };

#define ANY STR("")

/* The first row that fits counts; words are compared whole. Responses are OpenAI's. */
static const struct {
    enum dialect dialect;
    struct str vendor; /* empty: all who speak the dialect */
    int from, to;      /* statuses */
    enum by by;
    struct str said;
    enum failure failure;
} rows[] = {
    /* a key that is not known, or not any more */
    {dialect_openai, ANY, 400, 403, by_code, STR("invalid_api_key"), failure_authentication},
    {dialect_openai, ANY, 400, 403, by_type, STR("invalid_api_key"), failure_authentication}, /* Perplexity */
    {dialect_openai, ANY, 400, 403, by_code, STR("account_deactivated"), failure_authentication},
    {dialect_openai, STR("deepseek"), 400, 403, by_type, STR("authentication_error"), failure_authentication},
    {dialect_openai, STR("groq"), 400, 403, by_code, STR("organization_restricted"), failure_authentication},
    {dialect_anthropic, ANY, 400, 403, by_type, STR("authentication_error"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("API_KEY_INVALID"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("API_KEY_SERVICE_BLOCKED"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("API_KEY_HTTP_REFERRER_BLOCKED"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("API_KEY_IP_ADDRESS_BLOCKED"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("CONSUMER_SUSPENDED"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("CONSUMER_INVALID"), failure_authentication},
    {dialect_gemini, ANY, 400, 403, by_code, STR("SERVICE_DISABLED"), failure_authentication},
    {dialect_cloudflare, ANY, 400, 403, by_code, STR("10000"), failure_authentication},
    {dialect_cloudflare, ANY, 400, 403, by_code, STR("3023"), failure_authentication}, /* the account is blocked */

    /* vendors with no code for it: a sentence that is theirs to the last byte. A caller might have it said, so that it
     * means no more than a 402 or 403: this request goes elsewhere, and the key rests only as after those */
    {dialect_openai, ANY, 400, 400, by_sentence, /* xAI, as whatever type it is configured */
     STR("Incorrect API key provided. You can obtain an API key from https://console.x.ai."), failure_forbidden},
    {dialect_anthropic, ANY, 400, 400, by_sentence,
     STR("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
         "purchase credits."),
     failure_payment},

    /* credit, or what may be spent, is used up: no request with this key is answered until somebody pays or it is the
     * next day or month */
    {dialect_openai, ANY, 400, 429, by_code, STR("insufficient_quota"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_type, STR("insufficient_quota"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("billing_hard_limit_reached"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("billing_not_active"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("organization_usage_limit_exceeded"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("organization_spend_limit_exceeded"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("project_spend_limit_exceeded"), failure_quota_exhausted},
    {dialect_openai, ANY, 400, 429, by_code, STR("credit_balance_exhausted"), failure_quota_exhausted},
    {dialect_openai, STR("deepseek"), 402, 402, by_status, ANY, failure_quota_exhausted}, /* that is what it is for */
    {dialect_openai, STR("moonshot"), 400, 429, by_type, STR("exceeded_current_quota_error"), failure_quota_exhausted},
    {dialect_openai, STR("zai"), 400, 429, by_code, STR("1113"), failure_quota_exhausted},
    {dialect_openai, STR("alibaba"), 400, 429, by_code, STR("Arrearage"), failure_quota_exhausted},
    {dialect_anthropic, ANY, 400, 429, by_type, STR("billing_error"), failure_quota_exhausted},
    {dialect_anthropic, ANY, 400, 429, by_code, STR("contract_spend_limit_reached"), failure_quota_exhausted},
    {dialect_anthropic, ANY, 400, 429, by_code, STR("enforced_spend_limit_reached"), failure_quota_exhausted},
    {dialect_gemini, ANY, 400, 429, by_code, STR("BILLING_DISABLED"), failure_quota_exhausted},
    {dialect_cloudflare, ANY, 400, 429, by_code, STR("3036"), failure_quota_exhausted}, /* the day's free neurons */
};

static bool refusals_fits(size_t row, enum dialect dialect, struct str vendor, const struct provider_word *word) {
    bool inside = word->status < 300;
    if (rows[row].dialect != dialect || (rows[row].vendor.len && !str_eq(rows[row].vendor, vendor))) return false;
    if (!inside && (word->status < rows[row].from || word->status > rows[row].to)) return false;
    switch (rows[row].by) {
    case by_code: return str_eq(word->code, rows[row].said);
    case by_type: return str_eq(word->type, rows[row].said);
    case by_sentence: return !inside && str_eq(word->message, rows[row].said);
    default: return !inside;
    }
}

enum { row_count = sizeof rows / sizeof *rows };

static size_t refusals_row(enum dialect dialect, struct str vendor, const struct provider_word *word) {
    size_t row = 0;
    if (dialect == dialect_responses) dialect = dialect_openai;
    while (row < row_count && !refusals_fits(row, dialect, vendor, word)) row++;
    return row;
}

bool refusal_is_told(enum dialect dialect, struct str vendor, const struct provider_word *word) {
    return refusals_row(dialect, vendor, word) < row_count;
}

enum failure refusal_failure(enum dialect dialect, struct str vendor, const struct provider_word *word) {
    size_t row = refusals_row(dialect, vendor, word);
    if (row < row_count) return rows[row].failure;
    return word->status < 300 ? failure_none : failure_of_status(word->status);
}

bool refusal_is_filter(const struct provider_word *word) {
    static const struct str words[] = {STR("content_filter"), STR("content_policy_violation")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(word->code, words[i]) || str_eq(word->type, words[i])) return true;
    return false;
}

bool refusal_is_context(const struct provider_word *word) {
    static const struct str codes[] = {STR("context_length_exceeded")};
    static const struct str sentences[] = {
        STR("prompt is too long: "),                     /* Anthropic */
        STR("input length and `max_tokens` exceed "),    /* Anthropic */
        STR("The input token count "),                   /* Gemini */
        STR("This model's maximum context length is "),  /* OpenAI's first words: vLLM, DeepSeek, Fireworks */
        STR("Prompt contains "),                         /* Mistral */
        STR("This model's maximum prompt length is "),   /* xAI */
        STR("input is too long for requested model"),    /* Bedrock's Claude */
        STR("Please reduce the length of the messages"), /* Groq */
    };
    if (word->status >= 300 && (word->status < 400 || word->status > 422)) return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eq(word->code, codes[i]) || str_eq(word->type, codes[i])) return true;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences && word->status >= 400; i++)
        if (str_starts(word->message, sentences[i])) return true;
    return false;
}
