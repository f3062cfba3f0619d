// rooms: smp_protocol protocol crypto encoding base
// A block, as a relay and as a client of each version read it. What was understood must be written in the same octets
// again, where the octets have one form.
#include <cstdint>
#include <cstdlib>

#include "simplex/smp/client_message.hpp"
#include "simplex/smp/message_body.hpp"
#include "simplex/smp/transmission.hpp"

namespace {

using namespace simplex;  // NOLINT: one file, no header

void require(bool condition) {
  if (!condition) std::abort();
}

void as_relay(const smp::SessionParams& session, BytesView transmission) {
  const auto received = smp::decode_client_transmission(session, transmission);
  if (!received) {
    (void)smp::wire_text(received.error().error, session.version);
    return;
  }
  require(received->authorization.size() <= 114);
  const Bytes again = smp::encode(received->command, session.version);
  const auto reread = smp::decode_command(again, session.version);
  require(reread.has_value() && *reread == received->command);
  if (const auto* send = std::get_if<smp::command::Send>(&received->command)) {
    if (const auto envelope = smp::decode_client_message_envelope(send->body.bytes)) {
      Writer writer;
      smp::write_client_message_envelope(writer, *envelope);
      require(std::ranges::equal(writer.view(), send->body.bytes));
    }
    (void)smp::decode_client_message(send->body.bytes);
  }
}

void as_client(const smp::SessionParams& session, BytesView transmission) {
  const auto received = smp::decode_broker_transmission(session, transmission);
  if (!received) return;
  const Bytes again = smp::encode(received->message, session.version);
  const auto reread = smp::decode_message(again, session.version);
  require(reread.has_value() && smp::encode(*reread, session.version) == again);
  if (const auto* message = std::get_if<smp::broker::Msg>(&received->message))
    (void)smp::read_queue_message(message->encrypted_body.bytes);
  if (const auto* error = std::get_if<smp::broker::Err>(&received->message)) (void)smp::to_error(error->error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  // As a block, and as what is in one.
  const auto unpadded = protocol::unpad_block(input);
  const Bytes session_id(32, 's');
  for (const BytesView content : {unpadded.value_or(BytesView()), input}) {
    const auto transmissions = protocol::split_batch(content);
    if (!transmissions) continue;
    for (std::uint16_t v = smp::initial_version.value(); v <= smp::current_version.value(); ++v) {
      const smp::SessionParams session{SmpVersion(v), session_id};
      for (const BytesView transmission : *transmissions) {
        as_relay(session, transmission);
        as_client(session, transmission);
      }
    }
  }
  return 0;
}
