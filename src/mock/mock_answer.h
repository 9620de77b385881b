/* mock_answer.h - what the mock provider says to a prompt: the same text for the same prompt and options, so that tests
 * can check it. Pure. */
#ifndef WEIR_MOCK_MOCK_ANSWER_H
#define WEIR_MOCK_MOCK_ANSWER_H

#include "mock/mock_prompt.h"

enum { mock_tool_calls_max = 8 };

struct mock_tool_call {
    struct str id, name, arguments;
};

/* Everything in the arena. Of each choice alike. */
struct mock_answer {
    struct str content;
    struct str *tokens; /* content, cut into tokens: about a word each */
    size_t token_count;
    struct str reasoning; /* of models whose name holds "reason"; else empty */
    struct str *reasoning_tokens;
    size_t reasoning_count;
    struct mock_tool_call calls[mock_tool_calls_max];
    size_t call_count;
    struct str finish;
    int64_t output_tokens; /* of one choice, reasoning and tool calls included */
};

/* `echo` is the text of an echo, empty when none is wanted. false: out of memory. */
bool mock_answer_make(const struct mock_prompt *prompt, const struct mock_options *options, struct str echo,
                      struct arena *arena, struct mock_answer *answer);

#endif
