#include "simplex/chat/message.hpp"

#include <boost/json/array.hpp>

#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"
#include "compression.hpp"
#include "message_json.hpp"

namespace simplex::chat {

namespace {

using Elements = std::vector<Result<Element>>;

// 'M' member id, name | 'C' (the channel), then 8-byte seconds and 4-byte nanoseconds of the relay's time.
Result<Bytes> read_forward(Reader& reader) {
  const BytesView from = reader.peek();
  SIMPLEX_ASSIGN(const auto sender, reader.u8());
  if (sender == 'M') {
    SIMPLEX_TRY(reader.short_string());
    SIMPLEX_TRY(reader.short_string());
  } else if (sender != 'C') {
    return fail(ErrorKind::malformed, "unknown sender of a forwarded message");
  }
  SIMPLEX_TRY(reader.i64());
  return to_bytes(from.first(from.size() - reader.remaining()));
}

// 1-byte count of at least 1; each: 'M' (the sender's member key) and a short string of 64 or 114 octets.
Result<Bytes> read_signatures(Reader& reader) {
  const BytesView from = reader.peek();
  SIMPLEX_ASSIGN(const auto count, reader.u8());
  if (count == 0) return fail(ErrorKind::malformed, "signed message without signatures");
  for (int i = 0; i < count; ++i) {
    SIMPLEX_ASSIGN(const auto key, reader.u8());
    if (key != 'M') return fail(ErrorKind::malformed, "unknown key of a signed message");
    SIMPLEX_ASSIGN(const auto signature, reader.short_string());
    if (signature.size() != 64 && signature.size() != 114) return fail(ErrorKind::malformed, "invalid signature size");
  }
  return to_bytes(from.first(from.size() - reader.remaining()));
}

Result<FileChunk> parse_file_chunk(BytesView body) {
  Reader reader(body);
  SIMPLEX_TRY(reader.short_string());  // the message's own id, not used
  SIMPLEX_ASSIGN(const auto file, reader.short_string());
  SIMPLEX_ASSIGN(const auto number, reader.u8());
  return FileChunk{SharedMessageId(file), number, to_bytes(reader.tail())};
}

Result<Element> parse_element(BytesView body) {
  if (body.empty()) return fail(ErrorKind::malformed, "message is empty");
  Element element;
  Reader reader(body);
  if (body[0] == 'F') {
    SIMPLEX_ASSIGN(element.content, parse_file_chunk(body.subspan(1)));
    return element;
  }
  if (reader.peek()[0] == '>') {
    SIMPLEX_TRY(reader.u8());
    SIMPLEX_ASSIGN(auto encoded, read_forward(reader));
    element.forwarded = Forwarded{std::move(encoded)};
  }
  if (!reader.empty() && reader.peek()[0] == '/') {
    SIMPLEX_TRY(reader.u8());
    SIMPLEX_ASSIGN(const auto binding, reader.u8());
    SIMPLEX_ASSIGN(auto signatures, read_signatures(reader));
    element.signature = Signed{static_cast<char>(binding), std::move(signatures), std::string(as_text(reader.peek()))};
  }
  if (reader.empty() || reader.peek()[0] != '{') return fail(ErrorKind::malformed, "unknown kind of message");
  SIMPLEX_ASSIGN(const auto parsed, json::parse(as_text(reader.tail())));
  SIMPLEX_ASSIGN(element.content, message_from_json(parsed));
  return element;
}

Elements parse_uncompressed(BytesView body);

Elements parse_array(BytesView body) {
  Elements elements;
  auto parsed = json::parse(as_text(body));
  if (!parsed) {
    elements.push_back(std::unexpected(std::move(parsed).error()));
    return elements;
  }
  for (const auto& item : parsed->as_array()) {
    auto message = message_from_json(item);
    if (message)
      elements.push_back(Element{std::move(*message), std::nullopt, std::nullopt});
    else
      elements.push_back(std::unexpected(std::move(message).error()));
  }
  return elements;
}

Elements parse_binary_batch(BytesView body) {
  Reader reader(body);
  const auto bodies = reader.list([](Reader& r) { return r.large_string(); });
  Elements elements;
  if (!bodies) {
    elements.push_back(std::unexpected(bodies.error()));
    return elements;
  }
  for (const BytesView one : *bodies) elements.push_back(parse_element(one));
  return elements;
}

Result<std::vector<Bytes>> decompress_items(BytesView body) {
  Reader reader(body);
  SIMPLEX_ASSIGN(const auto count, reader.u8());
  if (count == 0) return fail(ErrorKind::malformed, "compressed message is empty");
  std::vector<Bytes> items;
  std::size_t room = max_decompressed_size;  // of all items together
  for (int i = 0; i < count; ++i) {
    SIMPLEX_ASSIGN(const auto kind, reader.u8());
    if (kind == '0') {
      SIMPLEX_ASSIGN(const auto plain, reader.short_string());
      items.push_back(to_bytes(plain));
    } else if (kind == '1') {
      SIMPLEX_ASSIGN(const auto frame, reader.large_string());
      SIMPLEX_ASSIGN(auto plain, decompress(frame, room));
      items.push_back(std::move(plain));
    } else {
      return fail(ErrorKind::malformed, "unknown kind of compressed message");
    }
    room -= std::min(room, items.back().size());
  }
  return items;
}

Elements parse_compressed(BytesView body) {
  Elements elements;
  auto items = decompress_items(body);
  if (!items) {
    elements.push_back(std::unexpected(std::move(items).error()));
    return elements;
  }
  for (const Bytes& item : *items) {
    for (auto& element : parse_uncompressed(item)) elements.push_back(std::move(element));
  }
  return elements;
}

Elements parse_uncompressed(BytesView body) {
  if (!body.empty() && body[0] == '[') return parse_array(body);
  if (!body.empty() && body[0] == '=') return parse_binary_batch(body.subspan(1));
  Elements elements;
  elements.push_back(parse_element(body));
  return elements;
}

}  // namespace

std::vector<Result<Element>> parse_chat_messages(BytesView body) {
  if (!body.empty() && body[0] == 'X') return parse_compressed(body.subspan(1));
  return parse_uncompressed(body);
}

Bytes encode_file_chunk(const FileChunk& chunk) {
  Writer writer;
  writer.character('F').short_string(BytesView{}).short_string(chunk.file.view()).u8(chunk.number).raw(chunk.octets);
  return std::move(writer).take();
}

Result<Bytes> encode_body(std::string_view text, BodyKind kind, bool post_quantum) {
  const std::size_t plain_limit = kind == BodyKind::message ? max_message_size : max_info_size;
  const std::size_t small_limit = kind == BodyKind::message ? max_compressed_message_size : max_compressed_info_size;
  if (text.size() > plain_limit)
    return fail(ErrorKind::limit,
                "The message is too long: " + std::to_string(text.size()) + " octets, at most " +
                    std::to_string(plain_limit) + ". Send it in parts.",
                Advice::ask_user);
  if (!post_quantum || text.size() <= small_limit) return to_bytes(text);
  const Bytes frame = compress(as_bytes(text));
  Writer writer;
  writer.character('X').u8(1).character('1').large_string(frame);
  if (writer.size() > small_limit)
    return fail(ErrorKind::limit,
                "The message is too long even when compressed: " + std::to_string(writer.size()) + " octets, at most " +
                    std::to_string(small_limit) + ". Send it in parts.",
                Advice::ask_user);
  return std::move(writer).take();
}

}  // namespace simplex::chat
