#include "simplex/smp/server/queue_record.hpp"

namespace simplex::smp::server {

QueueRecord QueueRecord::clone() const {
  QueueRecord made;
  made.recipient_id = recipient_id;
  made.recipient_keys = recipient_keys;
  made.dh_secret = dh_secret.clone();
  made.sender_id = sender_id;
  made.sender_key = sender_key;
  made.mode = mode;
  made.link = link;
  if (notifier) made.notifier = std::make_unique<NotifierCredentials>(notifier->clone());
  made.status = status;
  if (blocking) made.blocking = std::make_unique<Blocking>(*blocking);
  made.updated = updated;
  made.service = service;
  return made;
}

std::string format(const Blocking& blocking) {
  std::string made = blocking.reason == BlockingReason::spam ? "reason=spam" : "reason=content";
  if (blocking.notice) made += ",notice=" + *blocking.notice;
  return made;
}

}  // namespace simplex::smp::server
