/* mock_prompt.h - what the mock provider reads of a chat or completion request. Pure. */
#ifndef WEIR_MOCK_MOCK_PROMPT_H
#define WEIR_MOCK_MOCK_PROMPT_H

#include "base/arena.h"
#include "base/error.h"
#include "dialect/json.h"
#include "mock/mock_options.h"

enum { mock_stops_max = 4, mock_choices_max = 128 };

enum mock_tool_choice { mock_tool_auto, mock_tool_none, mock_tool_required, mock_tool_named };

/* Ranges point into the parsed request or the arena. */
struct mock_prompt {
    struct str model;
    bool legacy; /* /completions */
    bool stream, include_usage, logprobs;
    int64_t choices;    /* n, by the number of prompts for /completions */
    int64_t max_tokens; /* -1: not said */
    struct str stops[mock_stops_max];
    size_t stop_count;
    struct str text; /* of the last message, without the mock's directive */
    bool from_tool;  /* the last message is a tool's result */
    bool has_image, has_audio, has_file;
    int64_t input_tokens;
    const struct json_value *tools; /* array or NULL */
    enum mock_tool_choice tool_choice;
    struct str tool_named;
    bool wants_json;
    const struct json_value *schema; /* with wants_json; NULL: any object */
};

/* false: *error and *param say what a provider would answer with 400. The directive in the prompt goes into *options.
 */
bool mock_prompt_read(const struct json_value *root, bool legacy, size_t body_len, struct arena *arena,
                      struct mock_options *options, struct mock_prompt *prompt, struct error *error, struct str *param);

#endif
