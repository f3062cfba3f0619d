// rooms: chat
// Octets of a contact as a chat message body: nothing may throw or grow without bound, and a message that is understood
// must mean the same when it is written and read again.
#include <cstdlib>

#include "simplex/chat/command.hpp"
#include "simplex/chat/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simplex;
  const BytesView input(data, size);
  for (const auto& element : chat::parse_chat_messages(input)) {
    if (!element) continue;
    const auto* message = std::get_if<chat::ChatMessage>(&element->content);
    if (message == nullptr) continue;
    const std::string text = chat::encode_chat_message(*message);
    const auto again = chat::parse_chat_messages(as_bytes(text));
    if (again.size() != 1 || !again[0]) std::abort();
    if (chat::encode_chat_message(std::get<chat::ChatMessage>(again[0]->content)) != text) std::abort();
  }
  (void)chat::parse_command(as_text(input));
  return 0;
}
