#include "simplex/agent/agent_message.hpp"

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::agent {
namespace {

void write_sender_queue(Writer& writer, const SenderQueue& queue) {
  protocol::write_server_address(writer, queue.server);
  writer.short_string(queue.sender_id.view());
}

Result<SenderQueue> read_sender_queue(Reader& reader) {
  SIMPLEX_ASSIGN(auto server, protocol::read_server_address(reader));
  SIMPLEX_ASSIGN(const auto sender_id, reader.short_string());
  return SenderQueue{std::move(server), protocol::SenderId(sender_id)};
}

// A list that may not be empty.
template <class F>
auto read_some(Reader& reader, F&& value) -> decltype(reader.list(value)) {
  SIMPLEX_ASSIGN(auto values, reader.list(value));
  if (values.empty()) return fail(ErrorKind::malformed, "A list in the peer's message is empty.");
  return values;
}

struct MessageEncoder {
  Writer& writer;

  void operator()(const message::Hello&) { writer.raw("H"); }
  void operator()(const message::User& user) { writer.raw("M").raw(user.body.bytes); }
  void operator()(const message::Receipts& receipts) {
    writer.raw("V").list(receipts.receipts, [](Writer& w, const message::Receipts::Receipt& receipt) {
      w.i64(receipt.message.value()).short_string(receipt.hash.view()).large_string(receipt.info);
    });
  }
  void operator()(const message::RatchetReady& ready) { writer.raw("E").i64(ready.last_received.value()); }
  void operator()(const message::QueueContinue& queue) {
    writer.raw("QC");
    write_sender_queue(writer, queue.queue);
  }
  void operator()(const message::QueueAdd& add) {
    writer.raw("QA").list(add.queues, [](Writer& w, const message::QueueAdd::Added& added) {
      protocol::write_queue_uri(w, added.queue);
      w.optional(added.replaces, write_sender_queue);
    });
  }
  void operator()(const message::QueueKeys& keys) {
    writer.raw("QK").list(keys.queues, [](Writer& w, const message::QueueKeys::Keyed& keyed) {
      protocol::write_queue_info(w, keyed.queue);
      crypto::write_key(w, keyed.sender_key);
    });
  }
  void operator()(const message::QueueUse& use) {
    writer.raw("QU").list(use.queues, [](Writer& w, const message::QueueUse::Used& used) {
      write_sender_queue(w, used.queue);
      w.boolean(used.primary);
    });
  }
  void operator()(const message::QueueTest& test) { writer.raw("QT").list(test.queues, write_sender_queue); }
};

struct Encoder {
  Writer& writer;

  void operator()(const AgentConnInfo& info) { writer.character('I').raw(info.info.bytes); }
  void operator()(const AgentConnInfoReply& reply) {
    writer.character('D').list(reply.reply_queues, protocol::write_queue_info);
    writer.raw(reply.info.bytes);
  }
  void operator()(const AgentRatchetInfo& info) { writer.character('R').raw(info.info.bytes); }
  void operator()(const AgentMessage& message) {
    writer.character('M').i64(message.number.value()).short_string(message.previous.view());
    std::visit(MessageEncoder{writer}, message.message);
  }
};

Result<message::Receipts::Receipt> read_receipt(Reader& reader) {
  SIMPLEX_ASSIGN(const auto number, reader.i64());
  SIMPLEX_ASSIGN(const auto hash, reader.short_string());
  SIMPLEX_ASSIGN(const auto info, reader.large_string());
  return message::Receipts::Receipt{SenderMessageId(number), MessageHash(hash), to_bytes(info)};
}

Result<message::QueueAdd::Added> read_added(Reader& reader) {
  SIMPLEX_ASSIGN(auto queue, protocol::read_queue_uri(reader));
  SIMPLEX_ASSIGN(auto replaces, reader.optional(read_sender_queue));
  return message::QueueAdd::Added{std::move(queue), std::move(replaces)};
}

Result<message::QueueKeys::Keyed> read_keyed(Reader& reader) {
  SIMPLEX_ASSIGN(auto queue, protocol::read_queue_info(reader));
  SIMPLEX_ASSIGN(auto key, crypto::read_key<crypto::AuthPublicKey>(reader));
  return message::QueueKeys::Keyed{std::move(queue), key};
}

Result<message::QueueUse::Used> read_used(Reader& reader) {
  SIMPLEX_ASSIGN(auto queue, read_sender_queue(reader));
  SIMPLEX_ASSIGN(const auto primary, reader.boolean());
  return message::QueueUse::Used{std::move(queue), primary};
}

std::unexpected<Error> unknown_kind() {
  return fail(ErrorKind::malformed, "The peer's agent sent a message of an unknown kind.");
}

Result<AMessage> read_queue_message(Reader& reader) {
  SIMPLEX_ASSIGN(const auto tag, reader.u8());
  switch (tag) {
    case 'C': {
      SIMPLEX_ASSIGN(auto queue, read_sender_queue(reader));
      return message::QueueContinue{std::move(queue)};
    }
    case 'A': {
      SIMPLEX_ASSIGN(auto queues, read_some(reader, read_added));
      return message::QueueAdd{std::move(queues)};
    }
    case 'K': {
      SIMPLEX_ASSIGN(auto queues, read_some(reader, read_keyed));
      return message::QueueKeys{std::move(queues)};
    }
    case 'U': {
      SIMPLEX_ASSIGN(auto queues, read_some(reader, read_used));
      return message::QueueUse{std::move(queues)};
    }
    case 'T': {
      SIMPLEX_ASSIGN(auto queues, read_some(reader, read_sender_queue));
      return message::QueueTest{std::move(queues)};
    }
    default: return unknown_kind();
  }
}

Result<AMessage> read_amessage(Reader& reader) {
  SIMPLEX_ASSIGN(const auto tag, reader.u8());
  switch (tag) {
    case 'H': return message::Hello{};
    case 'M': return message::User{Content(reader.tail())};
    case 'V': {
      SIMPLEX_ASSIGN(auto receipts, read_some(reader, read_receipt));
      return message::Receipts{std::move(receipts)};
    }
    case 'E': {
      SIMPLEX_ASSIGN(const auto number, reader.i64());
      return message::RatchetReady{SenderMessageId(number)};
    }
    case 'Q': return read_queue_message(reader);
    default: return unknown_kind();
  }
}

Result<RatchetContent> read_content(Reader& reader) {
  SIMPLEX_ASSIGN(const auto tag, reader.u8());
  switch (tag) {
    case 'I': return AgentConnInfo{Content(reader.tail())};
    case 'D': {
      SIMPLEX_ASSIGN(auto queues, read_some(reader, protocol::read_queue_info));
      return AgentConnInfoReply{std::move(queues), Content(reader.tail())};
    }
    case 'R': return AgentRatchetInfo{Content(reader.tail())};
    case 'M': {
      SIMPLEX_ASSIGN(const auto number, reader.i64());
      SIMPLEX_ASSIGN(const auto previous, reader.short_string());
      SIMPLEX_ASSIGN(auto message, read_amessage(reader));
      return AgentMessage{SenderMessageId(number), MessageHash(previous), std::move(message)};
    }
    default: return unknown_kind();
  }
}

}  // namespace

MessageHash hash_of(BytesView encoded_agent_message) {
  return MessageHash(crypto::sha256(encoded_agent_message).view());
}

Bytes encode(const RatchetContent& content) {
  Writer writer(1024);
  std::visit(Encoder{writer}, content);
  return std::move(writer).take();
}

Result<RatchetContent> decode_ratchet_content(BytesView bytes) {
  Reader reader(bytes);
  SIMPLEX_ASSIGN(auto content, read_content(reader));
  SIMPLEX_TRY(reader.finish());
  return content;
}

}  // namespace simplex::agent
