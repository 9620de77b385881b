/* anthropic_version.h - versions of Anthropic's API (the header anthropic-version) in what a request may say. From
 * 2026-10-21 on a version is strict: it refuses sampling options, documents of the assistant's, citations of a user's.
 */
#ifndef WEIR_DIALECT_ANTHROPIC_ANTHROPIC_VERSION_H
#define WEIR_DIALECT_ANTHROPIC_ANTHROPIC_VERSION_H

#include "base/text.h"
#include "dialect/message.h"

/* false: an older one, or none that is known. */
bool anthropic_version_is_strict(struct str version);
/* Bits of enum feature: what is left out for a strict one. */
uint64_t anthropic_version_drops(const struct message_request *request);
/* It holds what a strict one cannot be told: a target that speaks one is not to be asked. */
bool anthropic_version_refuses(const struct message_request *request);
/* Leaves out what is dropped. */
void anthropic_version_fit(struct message_request *request);
/* A body in the dialect's own words, for this model, as a strict version takes it; all else stays. false: no memory, or
 * not JSON. */
bool anthropic_version_body(struct str body, struct str model, struct arena *arena, struct text *text);

#endif
