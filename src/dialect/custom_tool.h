/* custom_tool.h - OpenAI's custom tools, which take plain text and not JSON, where a provider has functions only: said
 * as a function with the one string `input`, whose calls are read back as that text, streams too. */
#ifndef WEIR_DIALECT_CUSTOM_TOOL_H
#define WEIR_DIALECT_CUSTOM_TOOL_H

#include "dialect/json.h"
#include "dialect/message.h"

/* A tool definition {name, description, format} of type custom. false: no memory. */
bool custom_tool_read(const struct json_value *custom, struct arena *arena, struct message_tool *tool);
/* Notes the names of the custom ones. false: no memory. */
bool custom_tools_note(struct message_request *request, struct arena *arena);
/* The arguments that stand for this input: {"input":"..."}. {NULL,0}: no memory. */
struct str custom_tool_arguments(struct str input, struct arena *arena);
/* The input that these arguments stand for: the member `input`, else the only string there is, else the arguments
 * themselves. Of the arguments or the arena. */
struct str custom_tool_input(struct str arguments, struct arena *arena);

/* The same of arguments that come in fragments: zeroed at first. */
struct custom_input {
    enum {
        custom_before, /* within {"input":" */
        custom_inside,
        custom_escape,
        custom_unicode,
        custom_over,
        custom_other /* it begins otherwise: only the whole can be read */
    } state;
    unsigned matched, digits; /* bytes of the beginning; of \uXXXX */
    uint32_t code, high;      /* what they say; a first surrogate that waits for its second */
};
/* Puts what the fragment adds to the input. */
void custom_input_feed(struct custom_input *input, struct str fragment, struct text *text);

#endif
