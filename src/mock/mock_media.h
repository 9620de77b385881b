/* mock_media.h - the mock provider's answers beyond chat: models, embeddings, moderations, images, audio, reranking.
 * Pure. */
#ifndef WEIR_MOCK_MOCK_MEDIA_H
#define WEIR_MOCK_MOCK_MEDIA_H

#include "base/error.h"
#include "base/text.h"
#include "dialect/endpoint.h"
#include "dialect/json.h"

/* `models` is "a,b", or empty for the mock's own list. */
void mock_models_write(struct text *text, struct str models, int64_t created_s);
void mock_model_write(struct text *text, struct str model, int64_t created_s);
bool mock_model_known(struct str models, struct str model);

/* The answer of a JSON endpoint other than chat and completions. false: *error and *param as a provider would answer
 * 400. */
bool mock_media_write(struct text *text, enum endpoint endpoint, const struct json_value *root, size_t body_len,
                      int64_t created_s, struct str *content_type, struct error *error, struct str *param);
/* Of a multipart endpoint: transcriptions and translations say how large the body was, images_edits gives an image. */
void mock_multipart_write(struct text *text, enum endpoint endpoint, struct str body, int64_t created_s,
                          struct str *content_type);

#endif
