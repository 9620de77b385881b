/* fit.h - a request made fit for where it goes. What the dialect has words for (codec->fates) and what the model takes
 * (model.h) are the one table that decides what is carried, changed, dropped or refused: x-weir-dropped,
 * x-weir-changed, the refusals and docs/dialects.md come of it. Pure. */
#ifndef WEIR_DIALECT_FIT_H
#define WEIR_DIALECT_FIT_H

#include "dialect/codec.h"

/* What becomes of what cannot be said. Usual: tuning is dropped, meaning is refused, as the tables have it. */
enum unsupported { unsupported_usual, unsupported_drop, unsupported_refuse };

/* Bits of enum feature. */
struct fit {
    uint64_t dropped;  /* left out */
    uint64_t changed;  /* said otherwise than it was asked for: a value that is not taken becomes the nearest */
    uint64_t emulated; /* said by other means, which emulate_request() makes: nothing of what it means is lost */
    uint64_t refused;  /* the target is not to be asked */
    uint64_t fetched;  /* URLs whose bytes weir must get first */
};

/* What a feature changes is how the answer is found, and not what it is: dropped where it is not taken, unless said. */
bool fit_is_tuning(enum feature feature);
/* What becomes of it where a model does not take it, and nothing else is said. */
enum feature_fate fit_fate_refused(enum feature feature);

/* What becomes of a request there. `fitted` is what is to be written: a copy of the top that shares all else, without
 * what is dropped. With anything refused it is not for writing. */
void fit_request(const struct message_request *request, const struct codec *codec, const struct codec_target *target,
                 enum unsupported unsupported, struct message_request *fitted, struct fit *fit);

/* The schemas of a request that is fit, as the model wants them; what they become is the arena's. false: no memory. */
bool fit_schemas(struct message_request *fitted, const struct codec *codec, const struct codec_target *target,
                 struct arena *arena, struct fit *fit);

/* Which effort of those that a model takes is nearest: the next lower one, else the next higher. */
enum message_effort fit_effort(uint32_t efforts, enum message_effort asked);

#endif
