/* ollama.h - the sizes of its streams' states; the table is codec_ollama (codec.h). */
#ifndef WEIR_DIALECT_OLLAMA_OLLAMA_H
#define WEIR_DIALECT_OLLAMA_OLLAMA_H

#include "dialect/codec.h"
#include "dialect/fields.h"

enum { ollama_reader_bytes = 16, ollama_writer_bytes = 256 };

#endif
