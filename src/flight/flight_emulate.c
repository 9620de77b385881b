/* flight_emulate.c - which requests a target can be asked by other means only (dialect/emulate.h). */
#include "flight/flight_internal.h"

bool emulation_wanted(const struct flight *flight, const struct target *target) {
    const uint64_t may = FEATURE_BIT(json_schema) | FEATURE_BIT(tool_choice) | FEATURE_BIT(n);
    uint64_t asked = flight->request.members & may;
    if (!asked || endpoint_facts(flight->endpoint)->operation != operation_chat) return false;
    bool by_words = asked & FEATURE_BIT(json_schema) && target->quirks->no_json_schema;
    return by_words || asked & target->refuses;
}
