// What the operator does to a queue: it goes the way of a command, and its
// answer comes back to the shard that was asked.
#include "simplex/smp/server/shard.hpp"

#include "command_run.hpp"
#include "services.hpp"

namespace simplex::smp::server {

struct ControlRun {
  QueueAction action;
  std::optional<Blocking> blocking;
  std::size_t asker;
  std::uint64_t token;
};

namespace {

QueueControl::Answer state_of(const QueueRecord& record) {
  QueueControl::Answer answer;
  answer.status = record.status;
  if (record.blocking) answer.blocking = *record.blocking;
  answer.updated = record.updated;
  answer.mode = record.mode;
  return answer;
}

}  // namespace

void Shard::control(QueueControl control) {
  if (control.id.empty()) return control.done(fail(ErrorKind::not_found, "there is no such queue"));
  const auto token = next_token_++;
  Request request;
  request.control = std::make_shared<ControlRun>(control.action, std::move(control.blocking), index_, token);
  controls_.emplace(token, std::move(control.done));
  resolve(control.kind, control.id, std::move(request));
}

void Shard::run_control(Queue& queue, const Request& request) {
  const auto run = request.control;
  const auto& id = queue.record.recipient_id;
  const auto write = [&](StoreRecord record, auto applied) {
    change(queue, std::move(record), [this, run, applied = std::move(applied)](Queue& changed, Result<> written) {
      if (!written) return finish_control(*run, std::unexpected(std::move(written.error())));
      finish_control(*run, applied(changed));
    });
  };
  switch (run->action) {
    case QueueAction::status: return finish_control(*run, state_of(queue.record));
    case QueueAction::block: {
      const auto blocking = run->blocking.value_or(Blocking{});
      const bool was_active = queue.record.status == QueueStatus::active;
      if (queue.record.blocking && *queue.record.blocking == blocking) {
        return finish_control(*run, state_of(queue.record));
      }
      return write(BlockQueue{id, blocking}, [this, was_active](Queue& changed) {
        if (was_active) ++statistics_.queues_blocked;
        // It stays subscribed: the recipient hears why nothing comes any more.
        if (changed.is_subscribed() && !changed.record.service) {
          event(changed.subscriber, changed.record.recipient_id, broker::Err{blocked_error(changed.record)}, 0);
        }
        auto answer = state_of(changed.record);
        answer.changed = true;
        answer.was_active = was_active;
        return answer;
      });
    }
    case QueueAction::unblock: {
      if (queue.record.status != QueueStatus::blocked) return finish_control(*run, state_of(queue.record));
      const auto blocking = queue.record.blocking ? std::optional(*queue.record.blocking) : std::nullopt;
      return write(UnblockQueue{id}, [blocking](const Queue& changed) {
        auto answer = state_of(changed.record);
        answer.blocking = blocking;
        answer.changed = true;
        return answer;
      });
    }
    case QueueAction::remove:
      return write(DeleteQueue{id}, [this](Queue& changed) {
        auto answer = state_of(changed.record);
        answer.changed = true;
        answer.messages = changed.size();
        deleted(changed, ClientId());
        return answer;
      });
  }
}

void Shard::finish_control(const ControlRun& run, Result<QueueControl::Answer> answer) {
  to_shard(run.asker, between_shards::Controlled{run.token, std::move(answer)});
}

void Shard::handle(between_shards::Controlled message) {
  auto waiting = controls_.extract(message.token);
  if (!waiting.empty()) waiting.mapped()(std::move(message.answer));
}

}  // namespace simplex::smp::server
