#include "simplex/smp/broker_message.hpp"

#include "command_tags.hpp"
#include "json.hpp"
#include "parts.hpp"

namespace simplex::smp {

namespace {

using broker::Ids;

// The parameters of each message; the reader stands behind the word. A message that has parameters has a space first.
template <class Message>
struct Parameters;

template <class Message>
  requires std::is_empty_v<Message>
struct Parameters<Message> {
  static void write(Writer&, const Message&, SmpVersion) {}
  static Result<Message> read(Reader&, SmpVersion) { return Message{}; }
};

Result<Ids::Notifier> read_notifier(Reader& reader) {
  Ids::Notifier notifier;
  SIMPLEX_ASSIGN(notifier.id, read_id<NotifierId>(reader));
  SIMPLEX_ASSIGN(notifier.dh_key, read_dh_key(reader));
  return notifier;
}

template <>
struct Parameters<Ids> {
  static void write(Writer& writer, const Ids& m, SmpVersion version) {
    writer.character(' ');
    write_id(writer, m.recipient_id);
    write_id(writer, m.sender_id);
    crypto::write_key(writer, m.relay_dh_key);
    if (version >= short_links_version) {
      writer.optional(m.mode, protocol::write_queue_mode).optional(m.link_id, write_id<LinkId>);
    } else if (version >= sender_key_version) {
      writer.boolean(protocol::sender_can_secure(m.mode));
    }
    if (version >= service_version) writer.optional(m.service_id, write_id<ServiceId>);
    if (version >= new_ntf_creds_version) {
      writer.optional(m.notifier, [](Writer& w, const Ids::Notifier& notifier) {
        write_id(w, notifier.id);
        crypto::write_key(w, notifier.dh_key);
      });
    }
  }

  static Result<Ids> read(Reader& reader, SmpVersion version) {
    Ids m;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(m.recipient_id, read_id<RecipientId>(reader));
    SIMPLEX_ASSIGN(m.sender_id, read_id<SenderId>(reader));
    SIMPLEX_ASSIGN(m.relay_dh_key, read_dh_key(reader));
    if (version >= short_links_version) {
      SIMPLEX_ASSIGN(m.mode, reader.optional(protocol::read_queue_mode));
      SIMPLEX_ASSIGN(m.link_id, reader.optional(read_id<LinkId>));
    } else if (version >= sender_key_version) {
      SIMPLEX_ASSIGN(const bool sender_can_secure, reader.boolean());
      m.mode = sender_can_secure ? QueueMode::messaging : QueueMode::contact;
    }
    if (version >= service_version) {
      SIMPLEX_ASSIGN(m.service_id, reader.optional(read_id<ServiceId>));
    }
    if (version >= new_ntf_creds_version) {
      SIMPLEX_ASSIGN(m.notifier, reader.optional(read_notifier));
    }
    return m;
  }
};

template <>
struct Parameters<broker::Lnk> {
  static void write(Writer& writer, const broker::Lnk& m, SmpVersion) {
    writer.character(' ');
    write_id(writer, m.sender_id);
    write_link_data(writer, m.data);
  }
  static Result<broker::Lnk> read(Reader& reader, SmpVersion) {
    broker::Lnk m;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(m.sender_id, read_id<SenderId>(reader));
    SIMPLEX_ASSIGN(m.data, read_link_data(reader));
    return m;
  }
};

template <>
struct Parameters<broker::Sok> {
  static void write(Writer& writer, const broker::Sok& m, SmpVersion) {
    writer.character(' ').optional(m.service_id, write_id<ServiceId>);
  }
  static Result<broker::Sok> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto id, reader.optional(read_id<ServiceId>));
    return broker::Sok{std::move(id)};
  }
};

template <class Message>
  requires std::same_as<Message, broker::Soks> || std::same_as<Message, broker::Ends>
struct Parameters<Message> {
  static void write(Writer& writer, const Message& m, SmpVersion version) {
    writer.character(' ').i64(m.queues.count);
    if (version >= receive_service_version) writer.short_string(m.queues.hash.view());
  }
  static Result<Message> read(Reader& reader, SmpVersion version) {
    Message m;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(m.queues.count, reader.i64());
    if (version >= receive_service_version) {
      SIMPLEX_ASSIGN(m.queues.hash, read_ids_hash(reader));
    }
    return m;
  }
};

template <>
struct Parameters<broker::Msg> {
  static void write(Writer& writer, const broker::Msg& m, SmpVersion) {
    writer.character(' ');
    write_id(writer, m.id);
    writer.raw(m.encrypted_body.bytes);
  }
  static Result<broker::Msg> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto id, read_id<MessageId>(reader));
    return broker::Msg{std::move(id), Content(reader.tail())};
  }
};

template <>
struct Parameters<broker::Nid> {
  static void write(Writer& writer, const broker::Nid& m, SmpVersion) {
    writer.character(' ');
    write_id(writer, m.notifier_id);
    crypto::write_key(writer, m.relay_dh_key);
  }
  static Result<broker::Nid> read(Reader& reader, SmpVersion) {
    broker::Nid m;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(m.notifier_id, read_id<NotifierId>(reader));
    SIMPLEX_ASSIGN(m.relay_dh_key, read_dh_key(reader));
    return m;
  }
};

template <>
struct Parameters<broker::Nmsg> {
  static void write(Writer& writer, const broker::Nmsg& m, SmpVersion) {
    writer.character(' ').raw(m.nonce.view()).short_string(m.encrypted_meta.bytes);
  }
  static Result<broker::Nmsg> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(const BytesView nonce, reader.take(crypto::CbNonce::size_bytes));
    SIMPLEX_ASSIGN(const BytesView meta, reader.short_string());
    return broker::Nmsg{crypto::cb_nonce(nonce), Content(meta)};
  }
};

template <>
struct Parameters<broker::Pkey> {
  static void write(Writer& writer, const broker::Pkey& m, SmpVersion) {
    writer.character(' ').short_string(m.session_id);
    write_version_range(writer, m.versions);
    writer.list(m.certificates, [](Writer& w, const Bytes& certificate) { w.large_string(certificate); })
        .large_string(m.signed_key);
  }
  static Result<broker::Pkey> read(Reader& reader, SmpVersion) {
    broker::Pkey m;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(const BytesView session_id, reader.short_string());
    m.session_id = to_bytes(session_id);
    SIMPLEX_ASSIGN(m.versions, read_version_range<SmpVersionTag>(reader));
    SIMPLEX_ASSIGN(const auto certificates, reader.list([](Reader& r) { return r.large_string(); }));
    if (certificates.empty()) return fail(ErrorKind::malformed, "no certificates");
    for (const BytesView certificate : certificates) m.certificates.push_back(to_bytes(certificate));
    SIMPLEX_ASSIGN(const BytesView signed_key, reader.large_string());
    m.signed_key = to_bytes(signed_key);
    return m;
  }
};

template <class Message>
  requires std::same_as<Message, broker::Rres> || std::same_as<Message, broker::Pres>
struct Parameters<Message> {
  static void write(Writer& writer, const Message& m, SmpVersion) { writer.character(' ').raw(m.encrypted.bytes); }
  static Result<Message> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    return Message{Content(reader.tail())};
  }
};

template <>
struct Parameters<broker::Info> {
  static void write(Writer& writer, const broker::Info& m, SmpVersion) { writer.character(' ').raw(to_json(m.state)); }
  static Result<broker::Info> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto state, parse_queue_state(as_text(reader.tail())));
    return broker::Info{std::move(state)};
  }
};

template <>
struct Parameters<broker::Err> {
  static void write(Writer& writer, const broker::Err& m, SmpVersion version) {
    writer.character(' ');
    write_error(writer, m.error, version);
  }
  static Result<broker::Err> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto error, read_error(reader));
    return broker::Err{std::move(error)};
  }
};

template <>
struct Parameters<broker::Rname> {
  static void write(Writer& writer, const broker::Rname& m, SmpVersion) {
    writer.character(' ').raw(to_json(m.record));
  }
  static Result<broker::Rname> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto record, parse_name_record(as_text(reader.tail())));
    return broker::Rname{std::move(record)};
  }
};

template <std::size_t I = 0>
Result<BrokerMessage> read_parameters(std::size_t tag, Reader& reader, SmpVersion version) {
  if constexpr (I < std::variant_size_v<BrokerMessage>) {
    if (tag != I) return read_parameters<I + 1>(tag, reader, version);
    using Message = std::variant_alternative_t<I, BrokerMessage>;
    SIMPLEX_ASSIGN(Message message, Parameters<Message>::read(reader, version));
    SIMPLEX_TRY(reader.finish());
    return BrokerMessage(std::in_place_index<I>, std::move(message));
  } else {
    return fail(ErrorKind::malformed, "unknown message");
  }
}

}  // namespace

std::string_view name_of(const BrokerMessage& message) noexcept { return message_tags[message.index()]; }

void write_message(Writer& writer, const BrokerMessage& message, SmpVersion version) {
  // What an older client would not know is said in its words.
  if (std::holds_alternative<broker::Deld>(message) && version < deleted_event_version) {
    writer.raw("END");
    return;
  }
  if (std::holds_alternative<broker::Sok>(message) && version < service_version) {
    writer.raw("OK");
    return;
  }
  writer.raw(name_of(message));
  std::visit([&]<class Message>(const Message& m) { Parameters<Message>::write(writer, m, version); }, message);
}

Bytes encode(const BrokerMessage& message, SmpVersion version) {
  const auto* msg = std::get_if<broker::Msg>(&message);
  Writer writer(msg != nullptr ? msg->encrypted_body.size() + msg->id.size() + 8 : 128);
  write_message(writer, message, version);
  return std::move(writer).take();
}

Result<BrokerMessage, CommandError> decode_message(BytesView bytes, SmpVersion version) {
  const std::string_view text = as_text(bytes);
  const std::string_view word = text.substr(0, text.find(' '));
  const auto tag = std::ranges::find(message_tags, word);
  if (tag == message_tags.end()) return std::unexpected(CommandError::unknown);
  Reader reader(bytes.subspan(word.size()));
  auto message = read_parameters(static_cast<std::size_t>(tag - message_tags.begin()), reader, version);
  if (!message) return std::unexpected(CommandError::syntax);
  return std::move(*message);
}

}  // namespace simplex::smp
