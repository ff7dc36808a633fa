// Text and binary forms of arrays. Inside the room only: called by io.cpp, whose functions read and print the elements.
#pragma once
#include "spg/type/io.hpp"

namespace spg::type {

Result<Value> input_array(const TypeInfo& type, std::string_view text, std::int32_t typmod,
                          const TextSettings& settings, Arena& arena);
void output_array(const Value& value, TextBuilder& out, const TextSettings& settings);
Result<Value> receive_array(const TypeInfo& type, ByteReader& from, std::int32_t typmod, Arena& arena);
void send_array(const Value& value, TextBuilder& out);
/// int2vector and oidvector: numbers apart by blanks.
Result<Value> input_vector(const TypeInfo& type, std::string_view text, const TextSettings& settings, Arena& arena);
void output_vector(const Value& value, TextBuilder& out, const TextSettings& settings);

}  // namespace spg::type
