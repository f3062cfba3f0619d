#include "simplex/crypto/key_encoding.hpp"
#include "postgres/commands.hpp"

namespace simplex::smp::stores::postgres {

using namespace server;
using server::MessageId;
using server::RecipientId;

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Error missing() { return {ErrorKind::not_found, "the store has no such queue"}; }
Error refused() { return {ErrorKind::conflict, "an id is taken, or the queue forbids the change"}; }

// Takes back what nobody was told of.
class Undo final : public Command {
 public:
  Undo(const Statement& statement, Values values) : statement_(statement), values_(std::move(values)) {
    give_up_at = Instant::max();
  }
  const Statement& statement() const override { return statement_; }
  const Values& values() const override { return values_; }
  bool receive(const Rows&) override { return true; }
  void fail(Error) override {}

 private:
  const Statement& statement_;
  Values values_;
};

class Change : public Command {
 public:
  Change(const Statement& statement, Totals& totals, Reply<void> reply)
      : statement_(&statement), totals_(totals), reply_(std::move(reply)) {}
  const Statement& statement() const override { return asks_ ? *question_ : *statement_; }
  const Values& values() const override { return asks_ ? question_values_ : values_; }
  void fail(Error error) override { reply_(std::unexpected(std::move(error))); }
  void ask_only() override { asks_ = question_ != nullptr; }

  Values values_;

 protected:
  void question(const Statement& statement) { question_ = &statement; }
  bool asks_ = false;
  const Statement* statement_;
  const Statement* question_ = nullptr;
  Values question_values_;
  Totals& totals_;
  Reply<void> reply_;
};

// A row of its own: made, or not because an id is taken.
class Creation final : public Change {
 public:
  Creation(const QueueRecord& queue, Totals& totals, Reply<void> reply)
      : Change(statements::create_queue, totals, std::move(reply)),
        queue_(queue.recipient_id),
        has_notifier_(queue.notifier != nullptr) {
    append_queue(values_, queue);
    question(statements::confirm_created);
    question_values_.bytes(queue.recipient_id.view()).bytes(queue.sender_id.view());
  }
  Creation(const ServiceRecord& service, Totals& totals, Reply<void> reply)
      : Change(statements::create_service, totals, std::move(reply)) {
    append_service(values_, service);
    question(statements::confirm_service);
    question_values_.bytes(service.id.view()).bytes(service.certificate_hash);
  }
  bool receive(const Rows& rows) override {
    if ((asks_ ? rows.size() : rows.affected()) == 0) {
      reply_(std::unexpected(refused()));
    } else {
      if (!queue_.empty()) ++totals_.queues;
      if (has_notifier_) ++totals_.notifiers;
      reply_({});
    }
    return true;
  }
  std::unique_ptr<Command> undo() const override {
    if (queue_.empty()) return nullptr;
    Values values;
    values.bytes(queue_.view());
    return std::make_unique<Undo>(statements::forget_queue, std::move(values));
  }

 private:
  RecipientId queue_;
  bool has_notifier_ = false;
};

// Of a queue that is there. Doing it again does no harm.
class QueueChange : public Change {
 public:
  enum class Notifier : std::uint8_t { same, added, removed };
  QueueChange(const Statement& statement, const RecipientId& queue, Notifier notifier, Totals& totals,
              Reply<void> reply)
      : Change(statement, totals, std::move(reply)), notifier_(notifier) {
    values_.bytes(queue.view());
  }
  bool receive(const Rows& rows) override {
    if (rows.size() == 0) {
      reply_(std::unexpected(missing()));
    } else if (!rows.boolean(0, 0)) {
      reply_(std::unexpected(refused()));
    } else {
      const bool had_notifier = rows.boolean(0, 1);
      if (notifier_ == Notifier::added && !had_notifier) ++totals_.notifiers;
      if (notifier_ == Notifier::removed && had_notifier) --totals_.notifiers;
      reply_({});
    }
    return true;
  }

 protected:
  Notifier notifier_;
};

class Deletion final : public QueueChange {
 public:
  Deletion(const RecipientId& queue, Date today, Totals& totals, Reply<void> reply)
      : QueueChange(statements::delete_queue, queue, Notifier::removed, totals, std::move(reply)) {
    values_.int64(today.value());
    question(statements::confirm_queue);
    question_values_.bytes(queue.view());
  }
  bool receive(const Rows& rows) override {
    if (rows.size() > 0) --totals_.queues;
    if (!asks_) {
      if (rows.size() > 0) totals_.messages -= rows.int64(0, 2);
      return QueueChange::receive(rows);
    }
    reply_(rows.size() > 0 ? Result<>() : std::unexpected(missing()));
    return true;
  }
};

class Addition final : public Change {
 public:
  Addition(const RecipientId& queue, MessagePtr message, Totals& totals, Reply<void> reply)
      : Change(statements::add_message, totals, std::move(reply)), queue_(queue), message_(std::move(message)) {
    values_.bytes(queue.view())
        .bytes(message_->id.view())
        .int64(message_->sent_at)
        .boolean(message_->quota)
        .boolean(message_->notification && !message_->quota)
        .borrowed(message_->quota ? BytesView() : BytesView(message_->body));
    question(statements::confirm_queue);
    question_values_.bytes(queue.view());
  }
  bool receive(const Rows& rows) override {
    if ((asks_ ? rows.size() : rows.affected()) == 0) {
      reply_(std::unexpected(missing()));
    } else {
      ++totals_.messages;
      reply_({});
    }
    return true;
  }
  std::unique_ptr<Command> undo() const override {
    Values values;
    values.bytes(queue_.view()).bytes(message_->id.view());
    return std::make_unique<Undo>(statements::remove_message, std::move(values));
  }

 private:
  RecipientId queue_;
  MessagePtr message_;
};

class Removal final : public Change {
 public:
  Removal(const RecipientId& queue, const MessageId& message, Totals& totals, Reply<void> reply)
      : Change(statements::remove_message, totals, std::move(reply)) {
    values_.bytes(queue.view()).bytes(message.view());
  }
  void ask_only() override { removed_ = true; }
  bool receive(const Rows& rows) override {
    if (removed_ || rows.affected() > 0) --totals_.messages;
    reply_({});
    return true;
  }

 private:
  bool removed_ = false;  // by a batch whose answer was lost
};

}  // namespace

StoreTotals Totals::read() const {
  const auto count = [](const std::atomic<std::int64_t>& total) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, total.load(std::memory_order_relaxed)));
  };
  return {count(queues), count(messages), count(notifiers)};
}

std::unique_ptr<Command> make_change(const StoreRecord& record, std::int64_t seconds, Totals& totals,
                                     Reply<void> reply) {
  using Notifier = QueueChange::Notifier;
  const auto change = [&](const Statement& statement, const RecipientId& queue, Notifier notifier = Notifier::same) {
    return std::make_unique<QueueChange>(statement, queue, notifier, totals, std::move(reply));
  };
  const auto status = [&](const RecipientId& queue, QueueStatus to, const Blocking* blocking) {
    QueueRecord shown;
    shown.status = to;
    if (blocking != nullptr) shown.blocking = std::make_unique<Blocking>(*blocking);
    auto made = change(statements::set_status, queue);
    made->values_.text(status_text(shown));
    return made;
  };
  return std::visit(Overloaded{
                        [&](const CreateQueue& create) -> std::unique_ptr<Command> {
                          return std::make_unique<Creation>(create.queue, totals, std::move(reply));
                        },
                        [&](const NewService& create) -> std::unique_ptr<Command> {
                          return std::make_unique<Creation>(create.service, totals, std::move(reply));
                        },
                        [&](const CreateLink& create) -> std::unique_ptr<Command> {
                          auto made = change(statements::create_link, create.queue);
                          made->values_.bytes(create.link.id.view()).bytes(create.link.fixed).bytes(create.link.user);
                          return made;
                        },
                        [&](const DeleteLink& link) -> std::unique_ptr<Command> {
                          return change(statements::delete_link, link.queue);
                        },
                        [&](const SecureQueue& secure) -> std::unique_ptr<Command> {
                          auto made = change(statements::secure_queue, secure.queue);
                          made->values_.bytes(crypto::to_spki(secure.sender_key));
                          return made;
                        },
                        [&](const UpdateKeys& keys) -> std::unique_ptr<Command> {
                          auto made = change(statements::update_keys, keys.queue);
                          made->values_.bytes(encode_keys(keys.recipient_keys));
                          return made;
                        },
                        [&](const AddNotifier& add) -> std::unique_ptr<Command> {
                          auto made = change(statements::add_notifier, add.queue, Notifier::added);
                          made->values_.bytes(add.notifier.id.view())
                              .bytes(crypto::to_spki(add.notifier.key))
                              .bytes(add.notifier.dh_secret.reveal());
                          if (add.notifier.service) {
                            made->values_.bytes(add.notifier.service->view());
                          } else {
                            made->values_.null();
                          }
                          return made;
                        },
                        [&](const DeleteNotifier& notifier) -> std::unique_ptr<Command> {
                          return change(statements::delete_notifier, notifier.queue, Notifier::removed);
                        },
                        [&](const SuspendQueue& suspend) -> std::unique_ptr<Command> {
                          return status(suspend.queue, QueueStatus::suspended, nullptr);
                        },
                        [&](const BlockQueue& block) -> std::unique_ptr<Command> {
                          return status(block.queue, QueueStatus::blocked, &block.blocking);
                        },
                        [&](const UnblockQueue& unblock) -> std::unique_ptr<Command> {
                          return status(unblock.queue, QueueStatus::active, nullptr);
                        },
                        [&](const UpdateTime& time) -> std::unique_ptr<Command> {
                          auto made = change(statements::update_time, time.queue);
                          made->values_.int64(time.date.value());
                          return made;
                        },
                        [&](const DeleteQueue& gone) -> std::unique_ptr<Command> {
                          return std::make_unique<Deletion>(gone.queue, date_of(seconds), totals, std::move(reply));
                        },
                        [&](const QueueService& service) -> std::unique_ptr<Command> {
                          auto made = change(service.party == ServiceParty::recipient ? statements::recipient_service
                                                                                      : statements::notifier_service,
                                             service.queue);
                          if (service.service) {
                            made->values_.bytes(service.service->view());
                          } else {
                            made->values_.null();
                          }
                          return made;
                        },
                    },
                    record);
}

std::unique_ptr<Command> make_add(const RecipientId& queue, MessagePtr message, Totals& totals, Reply<void> reply) {
  return std::make_unique<Addition>(queue, std::move(message), totals, std::move(reply));
}

std::unique_ptr<Command> make_remove(const RecipientId& queue, const MessageId& message, Totals& totals,
                                     Reply<void> reply) {
  return std::make_unique<Removal>(queue, message, totals, std::move(reply));
}

}  // namespace simplex::smp::stores::postgres
