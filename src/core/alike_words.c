/* alike_words.c - the tables. Each list is in the order of strcmp, and is searched by halves. */
#include "core/alike_words.h"

#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static int word_order(struct str word, const char *there) {
    size_t len = strlen(there), least = word.len < len ? word.len : len;
    int order = least ? memcmp(word.at, there, least) : 0;
    return order ? order : (word.len > len) - (word.len < len);
}

/* Each row begins with its word. */
static const void *alike_row_find(const void *rows, size_t count, size_t size, struct str word) {
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const char *const *row = (const void *)((const char *)rows + middle * size);
        int order = word_order(word, *row);
        if (order == 0) return row;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

static bool is_in(const char *const *list, size_t count, struct str word) {
    return alike_row_find(list, count, sizeof *list, word) != NULL;
}

struct word_row {
    const char *word;
    enum word_kind kind;
    const char *as; /* NULL: itself */
};

#define SAME(word, as) \
    { word, word_content, as }
static const struct word_row words[] = {
    {"a", word_dropped, NULL},
    {"about", word_role, NULL},
    {"above", word_role, NULL},
    SAME("activate", "enable"),
    {"after", word_role, NULL},
    {"against", word_role, NULL},
    {"am", word_dropped, NULL},
    {"an", word_dropped, NULL},
    {"april", word_date, NULL},
    {"are", word_dropped, NULL},
    {"as", word_role, NULL},
    {"at", word_role, NULL},
    SAME("attorney", "lawyer"),
    {"august", word_date, NULL},
    SAME("automobile", "car"),
    {"before", word_role, NULL},
    SAME("begin", "start"),
    {"below", word_role, NULL},
    {"between", word_role, NULL},
    SAME("bicycle", "bike"),
    SAME("biggest", "largest"),
    {"by", word_role, NULL},
    SAME("cellphone", "phone"),
    {"cannot", word_negation, NULL},
    {"centimeter", word_unit, "cm"},
    {"centimetre", word_unit, "cm"},
    {"cm", word_unit, NULL},
    SAME("colour", "color"),
    {"day", word_date, NULL},
    SAME("deactivate", "disable"),
    {"december", word_date, NULL},
    {"did", word_question, NULL},
    {"do", word_dropped, NULL},
    SAME("doctor", "physician"),
    {"does", word_dropped, NULL},
    {"dollar", word_unit, NULL},
    {"during", word_role, NULL},
    {"eight", word_content, "8"},
    {"eleven", word_content, "11"},
    SAME("erase", "delete"),
    {"eur", word_unit, "euro"},
    {"euro", word_unit, NULL},
    {"except", word_negation, NULL},
    SAME("famous", "well-known"),
    SAME("favourite", "favorite"),
    {"february", word_date, NULL},
    SAME("film", "movie"),
    {"five", word_content, "5"},
    {"foot", word_unit, NULL},
    {"for", word_role, NULL},
    {"four", word_content, "4"},
    {"friday", word_date, NULL},
    {"from", word_role, NULL},
    {"gb", word_unit, NULL},
    {"gigabyte", word_unit, "gb"},
    {"gram", word_unit, NULL},
    {"had", word_question, NULL},
    {"hour", word_date, NULL},
    {"how", word_question, NULL},
    {"howto", word_question, NULL},
    {"hr", word_date, "hour"},
    {"i", word_dropped, NULL},
    {"in", word_role, NULL},
    {"inch", word_unit, NULL},
    SAME("inexpensive", "cheap"),
    SAME("information", "info"),
    {"into", word_role, NULL},
    {"is", word_dropped, NULL},
    {"january", word_date, NULL},
    {"july", word_date, NULL},
    {"june", word_date, NULL},
    {"kg", word_unit, NULL},
    SAME("kid", "child"),
    SAME("kids", "children"),
    {"kilogram", word_unit, "kg"},
    {"kilometer", word_unit, "km"},
    {"kilometre", word_unit, "km"},
    {"km", word_unit, NULL},
    {"lb", word_unit, "pound"},
    {"like", word_role, NULL},
    {"liter", word_unit, NULL},
    {"litre", word_unit, "liter"},
    {"lives", word_content, NULL},
    {"march", word_date, NULL},
    {"may", word_content, NULL},
    {"mb", word_unit, NULL},
    {"megabyte", word_unit, "mb"},
    {"meter", word_unit, NULL},
    {"metre", word_unit, "meter"},
    {"mile", word_unit, NULL},
    {"millimeter", word_unit, "mm"},
    {"millimetre", word_unit, "mm"},
    {"min", word_date, "minute"},
    {"minute", word_date, NULL},
    {"mm", word_unit, NULL},
    SAME("mobile", "phone"),
    SAME("modify", "change"),
    SAME("mom", "mother"),
    {"monday", word_date, NULL},
    {"month", word_date, NULL},
    {"my", word_dropped, NULL},
    {"neither", word_negation, NULL},
    {"never", word_negation, NULL},
    {"nine", word_content, "9"},
    {"no", word_negation, NULL},
    {"nobody", word_negation, NULL},
    {"none", word_negation, NULL},
    {"nor", word_negation, NULL},
    {"not", word_negation, NULL},
    {"nothing", word_negation, NULL},
    {"november", word_date, NULL},
    SAME("obtain", "get"),
    SAME("occur", "happen"),
    {"october", word_date, NULL},
    {"of", word_role, NULL},
    {"off", word_role, NULL},
    {"on", word_role, NULL},
    {"one", word_content, "1"},
    {"onto", word_role, NULL},
    {"ounce", word_unit, NULL},
    {"our", word_dropped, NULL},
    {"over", word_role, NULL},
    {"oz", word_unit, "ounce"},
    {"per", word_role, NULL},
    {"percent", word_unit, NULL},
    SAME("permitted", "allowed"),
    SAME("photo", "picture"),
    SAME("photograph", "picture"),
    SAME("pick", "choose"),
    {"please", word_dropped, NULL},
    {"pound", word_unit, NULL},
    SAME("prohibited", "forbidden"),
    SAME("purchase", "buy"),
    SAME("quick", "fast"),
    SAME("quickest", "fastest"),
    SAME("quickly", "fast"),
    SAME("raise", "increase"),
    SAME("reboot", "restart"),
    SAME("reduce", "decrease"),
    SAME("remove", "delete"),
    SAME("repair", "fix"),
    {"saturday", word_date, NULL},
    {"sec", word_date, "second"},
    {"second", word_date, NULL},
    SAME("select", "choose"),
    {"september", word_date, NULL},
    {"seven", word_content, "7"},
    {"since", word_role, NULL},
    {"six", word_content, "6"},
    {"sunday", word_date, NULL},
    SAME("telephone", "phone"),
    SAME("television", "tv"),
    {"ten", word_content, "10"},
    {"than", word_role, NULL},
    {"the", word_dropped, NULL},
    {"three", word_content, "3"},
    {"through", word_role, NULL},
    {"thursday", word_date, NULL},
    {"to", word_role, NULL},
    {"today", word_date, NULL},
    {"tomorrow", word_date, NULL},
    {"tonight", word_date, NULL},
    {"toward", word_role, NULL},
    {"towards", word_role, NULL},
    {"tuesday", word_date, NULL},
    {"twelve", word_content, "12"},
    {"two", word_content, "2"},
    {"under", word_role, NULL},
    {"unless", word_negation, NULL},
    {"until", word_role, NULL},
    {"us", word_content, NULL},
    {"usd", word_unit, "dollar"},
    {"using", word_role, "with"},
    {"versus", word_content, "vs"},
    {"via", word_role, NULL},
    {"was", word_question, NULL},
    {"we", word_dropped, NULL},
    {"wednesday", word_date, NULL},
    {"week", word_date, NULL},
    {"were", word_question, "was"},
    {"what", word_dropped, NULL},
    {"when", word_question, NULL},
    {"where", word_question, NULL},
    {"which", word_dropped, NULL},
    {"who", word_question, NULL},
    {"whose", word_question, NULL},
    {"why", word_question, NULL},
    {"will", word_question, NULL},
    {"with", word_role, NULL},
    {"within", word_role, NULL},
    {"without", word_negation, NULL},
    {"year", word_date, NULL},
    {"yesterday", word_date, NULL},
};

struct word_facts word_facts(struct str word) {
    const struct word_row *row = alike_row_find(words, COUNT(words), sizeof *words, word);
    if (!row) return (struct word_facts){word_content, word};
    return (struct word_facts){row->kind, row->as ? str_from(row->as) : word};
}

bool word_is_double(struct str word) {
    static const char *const list[] = {
        "access", "act",     "aids",  "all",    "am",     "amazon",  "apple",  "are",     "art",    "as",
        "at",     "august",  "bath",  "be",     "bill",   "bush",    "can",    "chad",    "chase",  "china",
        "cork",   "do",      "drive", "excel",  "ford",   "frank",   "gap",    "georgia", "go",     "grace",
        "he",     "hope",    "i",     "in",     "is",     "it",      "jack",   "java",    "jordan", "march",
        "mark",   "mars",    "may",   "me",     "meet",   "mercury", "mobile", "nice",    "no",     "not",
        "notion", "on",      "or",    "oracle", "orange", "outlook", "pages",  "photos",  "pink",   "polish",
        "python", "reading", "rose",  "ruby",   "rust",   "shell",   "slack",  "so",      "square", "stripe",
        "swift",  "target",  "teams", "to",     "turkey", "us",      "visa",   "who",     "will",   "windows",
        "word",   "zoom"};
    return is_in(list, COUNT(list), word);
}

bool word_keeps_its_s(struct str word) {
    static const char *const list[] = {"always",   "arms",    "as",      "besides", "customs", "does",    "gas",
                                       "glasses",  "goods",   "has",     "hers",    "his",     "its",     "less",
                                       "means",    "news",    "numbers", "ours",    "pages",   "perhaps", "physics",
                                       "politics", "series",  "species", "theirs",  "this",    "times",   "us",
                                       "was",      "windows", "words",   "works",   "yes",     "yours"};
    return is_in(list, COUNT(list), word);
}

bool word_is_english(struct str word, bool *alone) {
    static const char *const strong[] = {"does", "how",   "my",    "please", "should", "the",
                                         "what", "where", "which", "who",    "why"};
    static const char *const weak[] = {"a",  "and", "are", "can", "do", "for", "from", "have", "i",
                                       "in", "is",  "it",  "not", "of", "on",  "to",   "with", "you"};
    *alone = is_in(strong, COUNT(strong), word);
    return *alone || is_in(weak, COUNT(weak), word);
}

bool word_is_done(struct str word) {
    static const char *const list[] = {"bought", "broken", "brought", "built", "caught",     "chosen", "cut",    "done",
                                       "fed",    "found",  "given",   "heard", "held",       "hit",    "hurt",   "kept",
                                       "known",  "led",    "left",    "lost",  "made",       "meant",  "met",    "paid",
                                       "put",    "read",   "seen",    "sent",  "set",        "shot",   "shut",   "sold",
                                       "spent",  "taken",  "taught",  "told",  "understood", "won",    "written"};
    return (word.len > 3 && str_ends(word, STR("ed"))) || is_in(list, COUNT(list), word);
}

bool word_is_asked_of_you(struct str word) {
    static const char *const list[] = {"calculate", "compare",   "convert",  "create", "define",  "describe",
                                       "explain",   "find",      "generate", "give",   "help",    "list",
                                       "name",      "recommend", "rewrite",  "show",   "suggest", "summarise",
                                       "summarize", "translate", "write"};
    return is_in(list, COUNT(list), word);
}

bool word_begins_yes_or_no(struct str word) {
    static const char *const list[] = {"am", "are", "can",   "could", "did",    "do",  "does", "had",  "has",  "have",
                                       "is", "may", "might", "must",  "should", "was", "were", "will", "would"};
    return is_in(list, COUNT(list), word);
}

/* -- rows of words -- */

struct phrase {
    const char *words; /* with one blank between them */
    const char *as;    /* "": nothing */
};

#define HOWTO(words) \
    { words, "howto" }
#define COURTESY(words) \
    { words, "" }
static const struct phrase phrases[] = {
    {"a few", "some-few"},
    {"a little", "some-little"},
    COURTESY("can anyone tell me"),
    COURTESY("can you please tell me"),
    COURTESY("can you tell me"),
    COURTESY("can you let me know"),
    COURTESY("could someone tell me"),
    COURTESY("could you please tell me"),
    COURTESY("could you tell me"),
    COURTESY("could you let me know"),
    COURTESY("do you happen to know"),
    COURTESY("do you know"),
    COURTESY("good morning"),
    COURTESY("hello"),
    COURTESY("hey"),
    COURTESY("hey there"),
    COURTESY("hi"),
    COURTESY("hi there"),
    COURTESY("i am curious"),
    COURTESY("i am wondering"),
    COURTESY("i have a question"),
    COURTESY("i want to know"),
    COURTESY("i was wondering"),
    COURTESY("i wonder"),
    COURTESY("i would like to know"),
    COURTESY("just wondering"),
    COURTESY("kindly"),
    COURTESY("please tell me"),
    COURTESY("quick question"),
    COURTESY("tell me"),
    COURTESY("thank you"),
    COURTESY("thank you in advance"),
    COURTESY("thanks"),
    COURTESY("thanks in advance"),
    COURTESY("would you please tell me"),
    COURTESY("would you tell me"),
    {"cell phone", "phone"},
    {"e mail", "email"},
    {"get rid of", "delete"},
    {"how come", "why"},
    HOWTO("explain how to"),
    HOWTO("explain to me how to"),
    HOWTO("how can i"),
    HOWTO("how can one"),
    HOWTO("how can we"),
    HOWTO("how can you"),
    HOWTO("how could i"),
    HOWTO("how do i"),
    HOWTO("how do i go about"),
    HOWTO("how do people"),
    HOWTO("how do we"),
    HOWTO("how do you"),
    HOWTO("how does one"),
    HOWTO("how i can"),
    HOWTO("how i could"),
    HOWTO("how is it possible to"),
    HOWTO("how might i"),
    HOWTO("how to"),
    HOWTO("how we can"),
    HOWTO("how would i"),
    HOWTO("how would one"),
    HOWTO("how would you"),
    HOWTO("show me how to"),
    HOWTO("teach me how to"),
    HOWTO("teach me to"),
    HOWTO("what are the steps to"),
    HOWTO("what do i do to"),
    HOWTO("what do i need to do to"),
    HOWTO("what is a way to"),
    HOWTO("what is the way to"),
    HOWTO("what should i do to"),
    HOWTO("what steps do i take to"),
    {"in order to", "to"},
    {"log in", "login"},
    {"log in to", "login"},
    {"log into", "login"},
    {"log off", "logout"},
    {"log out", "logout"},
    {"log out of", "logout"},
    {"mobile phone", "phone"},
    {"set up", "setup"},
    {"sign in", "login"},
    {"sign in to", "login"},
    {"sign into", "login"},
    {"sign out", "logout"},
    {"sign out of", "logout"},
    {"smart phone", "smartphone"},
    {"switch off", "disable"},
    {"switch on", "enable"},
    {"take place", "happen"},
    {"turn off", "disable"},
    {"turn on", "enable"},
    {"u.k", "uk"},
    {"u.s", "usa"},
    {"united kingdom", "uk"},
    {"united states", "usa"},
    {"united states of america", "usa"},
    {"web site", "website"},
};

/* How many words the row has, where these begin with it; else 0. */
static size_t phrase_matches(const char *row, const struct str *words_there, size_t count) {
    struct str rest = str_from(row), word;
    size_t at = 0;
    for (; str_split_next(&rest, ' ', &word); at++)
        if (at == count || !str_eq(words_there[at], word)) return 0;
    return at;
}

size_t phrase_find(const struct str *words_there, size_t count, struct str *as) {
    size_t longest = 0;
    for (size_t i = 0; i < COUNT(phrases); i++) {
        if (phrases[i].words[0] != words_there[0].at[0]) continue;
        size_t found = phrase_matches(phrases[i].words, words_there, count);
        if (found <= longest) continue;
        longest = found;
        *as = str_from(phrases[i].as);
    }
    return longest;
}

size_t phrase_count(void) { return COUNT(phrases); }
