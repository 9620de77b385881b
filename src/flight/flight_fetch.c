/* flight_fetch.c - images and documents that a request names by URL, got from the web for providers that take only
 * bytes: one after the other, when such a provider is about to be asked and not before. What was fetched stands in the
 * message from then on. Addresses, sizes and times are the fetcher's affair (net/fetch.h). */
#include "base/base64.h"
#include "base/check.h"
#include "dialect/media.h"
#include "flight/flight_internal.h"

enum { fetches_max = 20, fetched_bytes_max = 32 * 1024 * 1024 /* as base64, wherever it stands */ };

/* What this dialect must be sent as bytes: every URL, as the fetcher refuses those that it cannot fetch, but what lies
 * in Google's own storage. */
static bool is_wanted(const struct message_part *part, const struct codec *codec) {
    bool kept = codec->dialect == dialect_gemini && str_starts_nocase(part->media.url, STR("gs://"));
    return part->media.url.len && !kept &&
           ((part->kind == part_image && codec->fates[feature_image_url] == fate_fetched) ||
            (part->kind == part_document && codec->fates[feature_document_url] == fate_fetched));
}

static struct message_part *wanted_in(struct message_part *parts, size_t count, const struct codec *codec) {
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(&parts[i], codec)) return &parts[i];
        struct message_part *inner = wanted_in(parts[i].parts, parts[i].part_count, codec); /* of a tool's result */
        if (inner) return inner;
    }
    return NULL;
}

static struct message_part *wanted_next(const struct flight *flight, const struct target *target) {
    const struct message_request *message = flight->canonical.message;
    if (!message || !flight->snapshot->fetch.on || translate_asks_alike(flight, target)) return NULL;
    for (size_t i = 0; i < message->message_count; i++) {
        struct message_part *found = wanted_in(message->messages[i].parts, message->messages[i].part_count,
                                               codec_of(translate_towards(flight, target)));
        if (found) return found;
    }
    return NULL;
}

bool files_needed(const struct flight *flight, const struct target *target) {
    return wanted_next(flight, target) != NULL;
}

static enum step fetch_refuse(struct flight *flight, struct str url, struct str why, struct now now,
                              struct actions *out) {
    struct str shown = str_slice(url, 0, str_find_byte(url, '?')); /* a query may hold a secret */
    return answer_error(
        flight, error_invalid_request,
        arena_printf(&flight->arena,
                     "`%.*s` could not be fetched for a provider that takes no URLs: %.*s. Send its bytes as base64.",
                     STR_ARG(str_slice(shown, 0, 200)), STR_ARG(why)),
        STR("messages"), now, out);
}

enum step files_fetch(struct flight *flight, const struct target *target, struct now now, struct actions *out) {
    struct message_part *part = wanted_next(flight, target);
    if (!part) return step_on;
    CHECKF(flight->files.count <= fetches_max, "count=%u", flight->files.count); /* with the last one it was answered */
    if (flight->files.count++ == fetches_max)
        return fetch_refuse(flight, part->media.url, STR("it is one of more than 20"), now, out);
    flight->files.part = part;
    wait_for_file(flight, part->media.url, now, out);
    return step_waits;
}

static bool type_fits(enum part_kind kind, struct str type) {
    if (kind == part_image) return str_starts(type, STR("image/")) && !str_starts(type, STR("image/svg"));
    return str_eq(type, STR("application/pdf")) || str_starts(type, STR("text/"));
}

static bool fetch_is_of(const struct message_part *part, struct str url) {
    return (part->kind == part_image || part->kind == part_document) && str_eq(part->media.url, url);
}

static size_t places_in(const struct message_part *parts, size_t count, struct str url) {
    size_t places = 0;
    for (size_t i = 0; i < count; i++)
        places += fetch_is_of(&parts[i], url) + places_in(parts[i].parts, parts[i].part_count, url);
    return places;
}

/* false: with it the request would be larger than any that a caller may send whole. */
static bool fetch_has_room(struct flight *flight, struct str url, size_t len) {
    size_t places = 0;
    for (size_t i = 0; i < flight->canonical.message->message_count; i++)
        places += places_in(flight->canonical.message->messages[i].parts,
                            flight->canonical.message->messages[i].part_count, url);
    if (places && len > (fetched_bytes_max - flight->files.bytes) / places) return false;
    flight->files.bytes += len * places;
    CHECKF(flight->files.bytes <= fetched_bytes_max, "bytes=%zu", flight->files.bytes);
    return true;
}

/* The same URL may stand in several places: it is fetched once. */
static void fill(struct message_part *parts, size_t count, struct str url, const struct message_media *media) {
    for (size_t i = 0; i < count; i++) {
        if (fetch_is_of(&parts[i], url)) {
            parts[i].media.url = STR_NONE;
            parts[i].media.data = media->data;
            parts[i].media.mime = media->mime;
        }
        fill(parts[i].parts, parts[i].part_count, url, media);
    }
}

enum step files_fetched(struct flight *flight, const struct event *event, struct now now, struct actions *out) {
    if (flight->waiting.why != waiting_fetch) return step_over;
    const struct message_part *part = flight->files.part;
    CHECK(part && flight->canonical.message);
    struct str url = part->media.url, type = media_type(event->bytes, event->content_type);
    wait_over(flight, now);
    if (event->text.len) return fetch_refuse(flight, url, event->text, now, out);
    if (!type_fits(part->kind, type))
        return fetch_refuse(flight, url, part->kind == part_image ? STR("it is no image") : STR("it is no document"),
                            now, out);
    size_t len = event->bytes.len / 3 * 4 + 8;
    if (!fetch_has_room(flight, url, len))
        return fetch_refuse(
            flight, url, STR("it and what else was fetched for the request are larger than 32 MB together"), now, out);
    struct text data = text_in_arena(&flight->canonical.arena, len);
    base64_put(&data, event->bytes);
    struct message_media media = {.data = text_str(&data), .mime = arena_copy(&flight->canonical.arena, type)};
    if (data.failed || !media.mime.at) return answer_error(flight, error_out_of_memory, STR_NONE, STR_NONE, now, out);
    for (size_t i = 0; i < flight->canonical.message->message_count; i++)
        fill(flight->canonical.message->messages[i].parts, flight->canonical.message->messages[i].part_count, url,
             &media);
    flight->canonical.message->seen->looked = 0; /* it asks for bytes now, and for no URL */
    CHECK(!part->media.url.len);                 /* or it would be fetched again and again */
    return step_on;
}
