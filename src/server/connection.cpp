#include "connection.hpp"

#include "spg/codec/utf8.hpp"

namespace spg::server {

using wire::pg::Event;
using wire::pg::EventKind;
using wire::pg::Target;

Connection::Connection(ReactorState& shared, net::Stream& stream)
    : shared_(shared), stream_(&stream), wire_(out_), sink_(wire_.writer()),
      wake_post_{[](net::Post& post) {
        auto& self = *static_cast<WakePost&>(post).self;
        if (self.waiting_ == Waiting::turn && !self.closed_) self.resume();  // it may have come with the end of the connection
      }, this},
      done_post_{[](net::Post& post) {
        Connection* self = static_cast<DonePost&>(post).self;
        self->resume_posted_ = false;
        if (self->closed_) self->bury();
        else self->resume();
      }, this},
      job_{{[](Job& job) { static_cast<WorkerJob&>(job).self->run_on_worker(); }, nullptr}, this},
      log_in_deadline_{[](net::Timer& timer) { static_cast<Deadline&>(timer).self->stream_->close(); }, this},
      statement_deadline_{[](net::Timer& timer) {
        auto& self = *static_cast<Deadline&>(timer).self;
        if (self.waiting_ == Waiting::turn) self.resume();
      }, this},
      idle_deadline_{[](net::Timer& timer) {
        auto& self = *static_cast<Deadline&>(timer).self;
        if (self.is_idle_ && self.waiting_ == Waiting::nothing && !self.closed_) self.watch_idle(false);
      }, this} {
  next_open_ = shared_.connections;
  if (next_open_ != nullptr) next_open_->before_open_ = this;
  shared_.connections = this;
  shared_.reactor->arm(log_in_deadline_, shared_.options->authentication_timeout_ms);
}

Connection::~Connection() = default;

void Connection::on_readable(net::Stream&, Bytes bytes) {
  wire_.feed(bytes);
  handle_events();
}

/// Takes events until there are no more, or one must be waited for.
void Connection::handle_events() {
  Event event;
  while (waiting_ == Waiting::nothing && !wire_.closed() && !holds_too_much()) {
    auto got = wire_.next(event);
    if (got && !*got) break;
    is_idle_ = false;
    Status failed = got ? handle(event, db::Where::reactor) : got.take_error();
    if (failed.is_would_block()) {
      wire_.put_back();
      wait_for_worker(Errand::event);
    } else if (failed) {
      report(failed);
    }
    if (waiting_ != Waiting::nothing) break;
    if (!active_ && wire_.ready_owed() && session_ != nullptr) ready();
  }
  wire_.settle();
  flush();
  if (is_idle_) watch_idle(true);
  if (waiting_ != Waiting::nothing || holds_too_much()) stream_->pause_reading();
  if (waiting_ == Waiting::worker) start_worker();
}

void Connection::ready() {
  wire_.ready(static_cast<wire::pg::TransactionStatus>(session_->status()));
  is_idle_ = true;
}

/// Ends the connection when its client has been silent for longer than the settings allow.
void Connection::watch_idle(bool begins) {
  auto left_ns = session_->idle_time_left_ns(begins);
  if (!left_ns) {
    is_idle_ = false;
    wire_.fatal(left_ns.error());
    flush();
    return;
  }
  if (*left_ns != UINT64_MAX) shared_.reactor->arm(idle_deadline_, static_cast<net::Milliseconds>(*left_ns / 1'000'000 + 1));
}

void Connection::report(const Error& error) {
  if (session_ != nullptr && !active_) session_->fail();
  active_ = false;
  on_worker_ = false;
  wire_.error(error);
}

/// How much of out_ may leave: replies that end transactions wait for the disk.
std::size_t Connection::sendable() {
  const std::uint64_t floor = session_ == nullptr ? 0 : session_->reply_floor();
  auto& machine = shared_.instance->machine();
  if (machine.is_durable(floor)) return out_.size();
  const bool is_lost = machine.is_lost(floor) || machine.is_lost(held_floor_);
  if (is_lost || machine.log_is_broken()) {
    out_.clear();
    sent_bytes_ = 0;
    if (is_lost) wire_.fatal(machine.lost_error());
    else wire_.fatal(Error::make(sqlstate::transaction_resolution_unknown, "the outcome of the transaction is unknown: ", machine.log_error().message()));
    return out_.size();
  }
  std::size_t free_bytes = sent_bytes_;
  if (held_floor_ != 0 && machine.is_durable(held_floor_)) {
    free_bytes = std::max(free_bytes, std::min(held_bytes_, out_.size()));
    held_floor_ = 0;
  }
  if (held_floor_ == 0) {
    held_floor_ = floor;
    held_bytes_ = out_.size();
  }
  return free_bytes;
}

/// Hands the answers to the stream.
void Connection::flush() {
  const std::size_t end = sendable();
  if (end > sent_bytes_) {
    if (sent_bytes_ == 0 && end == out_.size() && stream_->output().empty()) stream_->output().swap(out_);
    else stream_->output().append(out_.view().subspan(sent_bytes_, end - sent_bytes_));
    sent_bytes_ = end;
    stream_->flush_soon();
  }
  if (sent_bytes_ < out_.size()) return hold();
  // A statement that waits for a lock has remembered a place in the output.
  if (waiting_ != Waiting::turn || out_.empty()) {
    out_.clear(64 * 1024);
    sent_bytes_ = 0;
  }
  held_floor_ = 0;
  if (is_holding_) stop_holding();
  if (wire_.closed() || peer_ended_) stream_->close_when_sent();
}

bool Connection::on_end(net::Stream&) {
  peer_ended_ = is_holding_;
  return peer_ended_;
}

void Connection::hold() {
  if (!is_holding_) {
    is_holding_ = true;
    next_holding_ = shared_.holding;
    shared_.holding = this;
    shared_.has_waiting.store(true, std::memory_order_seq_cst);
  }
  // The flush may have passed between sendable() and this list.
  auto& machine = shared_.instance->machine();
  if (machine.is_durable(held_floor_) || machine.is_lost(held_floor_) || machine.log_is_broken()) flush();
}

void Connection::stop_holding() {
  for (Connection** link = &shared_.holding; *link != nullptr; link = &(*link)->next_holding_)
    if (*link == this) { *link = next_holding_; break; }
  next_holding_ = nullptr;
  is_holding_ = false;
}

/// What was held may leave. While a worker has the session, the output is its own; it is flushed afterwards.
void Connection::release() {
  const bool was_full = holds_too_much();
  if (waiting_ == Waiting::worker) return;
  flush();
  if (is_holding_) return;
  if (shutting_down_ && waiting_ == Waiting::nothing) return shut_down();
  if (waiting_ == Waiting::output && !resume_posted_ && !stream_->is_over_output_limit()) return resume();
  if (was_full && waiting_ == Waiting::nothing) {
    handle_events();
    if (waiting_ == Waiting::nothing && !holds_too_much()) stream_->resume_reading();
  }
}

Result<std::string_view> Connection::incoming_text(std::string_view text) {
  if (sink_.encoding() == ClientEncoding::latin1) return codec::latin1_to_utf8(text, arena_);
  SPG_TRY(codec::check_utf8(text));
  return text;
}

Status Connection::handle(const Event& event, db::Where where) {
  arena_.reset();
  switch (event.kind) {
    case EventKind::ssl_request: case EventKind::gss_request: wire_.deny_encryption(); return ok();
    case EventKind::cancel: shared_.instance->cancel(event.process_id, event.secret_key); return ok();
    case EventKind::startup: start_up(event); return ok();
    case EventKind::authenticated: wait_for_worker(Errand::open_session); return ok();
    case EventKind::query: {
      SPG_ASSIGN(const std::string_view text, incoming_text(event.text));
      session_->start_query(text);
      active_ = true;
      return drive();
    }
    case EventKind::parse: {
      SPG_ASSIGN(const std::string_view text, incoming_text(event.text));
      if (where == db::Where::reactor && text.size() > db::text_bytes_on_reactor_max) return Error::would_block();
      std::uint32_t types[65536 / 4];
      for (std::size_t i = 0; i < event.parameter_types.size() && i < std::size(types); ++i) types[i] = event.parameter_types[i];
      SPG_TRY(session_->parse(event.name, text, {types, std::min(event.parameter_types.size(), std::size(types))}, where));
      wire_.writer().parse_complete();
      return ok();
    }
    case EventKind::bind: return bind(event, where);
    case EventKind::describe:
      return event.target == Target::statement ? session_->describe_statement(event.name, where) : session_->describe_portal(event.name, where);
    case EventKind::execute:
      SPG_TRY(session_->start_execute(event.name.empty() ? event.portal : event.name, event.max_rows));
      active_ = true;
      return drive();
    case EventKind::close:
      if (event.target == Target::statement) session_->close_statement(event.name);
      else session_->close_portal(event.name);
      wire_.writer().close_complete();
      return ok();
    case EventKind::sync:
      session_->start_sync();
      active_ = true;
      return drive();
    case EventKind::copy_data:
      // LATIN1 has a character a byte, so that pieces convert by themselves. The session checks UTF-8, by rows.
      SPG_TRY(session_->copy_data(sink_.encoding() == ClientEncoding::latin1 ? as_bytes(codec::latin1_to_utf8(as_text(event.data), arena_)) : event.data));
      return session_->copy_waits() ? drive() : ok();
    case EventKind::copy_done:
      session_->copy_done();
      return drive();
    case EventKind::copy_fail: return session_->copy_fail(event.text);
    case EventKind::terminate: case EventKind::flush: case EventKind::none: return ok();
  }
  return ok();
}

Status Connection::bind(const Event& event, db::Where where) {
  const std::size_t count = event.parameters.size();
  auto* parameters = arena_.array<db::ParameterInput>(count);
  wire::pg::ParameterList list = event.parameters;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = list.next();
    parameters[i] = {!value.has_value(), wire::pg::format_of(event.formats, i) == 1, value.value_or(Bytes{})};
    if (parameters[i].is_null || parameters[i].binary) continue;
    SPG_ASSIGN(const std::string_view text, incoming_text(as_text(*value)));
    parameters[i].bytes = as_bytes(text);
  }
  auto* formats = arena_.array<std::int16_t>(event.result_formats.size());
  for (std::size_t i = 0; i < event.result_formats.size(); ++i) formats[i] = event.result_formats[i];
  SPG_TRY(session_->bind(event.portal, event.name, {parameters, count}, {formats, event.result_formats.size()}, where));
  wire_.writer().bind_complete();
  return ok();
}

void Connection::start_up(const Event& event) {
  auto copy = [](std::string_view text) {
    auto owned = std::make_unique<char[]>(text.size() + 1);
    text.copy(owned.get(), text.size());
    return owned;
  };
  const std::string_view user = event.startup.find("user");
  std::string_view database = event.startup.find("database");
  if (database.empty()) database = user;
  user_ = copy(user);
  database_ = copy(database);
  wire::pg::StartupParameters rest = event.startup;
  for (std::string_view name, value; rest.next(name, value);)
    if (name != "user" && name != "database" && name != "replication" && start_settings_.size() < 64) start_settings_.push_back({std::string(name), std::string(value)});
  wait_for_worker(Errand::find_role);
}

/// On a worker: catalogs may be cold, and a key derivation takes milliseconds.
Status Connection::find_role() {
  SPG_ASSIGN(role_, shared_.instance->find_role(user_.get()));
  role_refused_ = role_.has_value() && !stream_->peer().is_loopback && db::Instance::has_default_password(*role_);
  return ok();
}

/// Unknown users are asked for a password like others, and fail like those with a wrong one.
void Connection::request_password() {
  wire::pg::ScramSetup setup;
  shared_.instance->machine().fill_random(setup.nonce);
  setup.mock_secret = shared_.mock_secret;
  if (role_.has_value()) {
    if (role_->verifier.has_value() && !role_refused_) setup.verifier = &*role_->verifier;
    if (!role_->can_login) {
      wire_.fatal(Error::make(sqlstate::invalid_authorization_specification, "role \"", user_.get(), "\" is not permitted to log in"));
      return;
    }
  }
  wire_.request_scram(user_.get(), setup);
}

/// On a worker.
Status Connection::open_session() {
  SPG_ASSIGN(session_, db::Session::open(*shared_.instance, user_.get(), database_.get(), sink_));
  return ok();
}

void Connection::log_in() {
  shared_.reactor->disarm(log_in_deadline_);
  wire_.authenticated();
  session_->set_wake([](void* self) {
    auto& connection = *static_cast<Connection*>(self);
    connection.shared_.reactor->post(connection.wake_post_);
  }, this);
  for (const StartSetting& setting : start_settings_) {
    Status failed = session_->set_at_start(setting.name, setting.value);
    if (failed) return wire_.fatal(failed);
  }
  start_settings_.clear();
  session_->let_caller_hold_replies();
  session_->report_settings();
  wire_.writer().backend_key_data(session_->process_id(), session_->secret_key());
  ready();
}

Status Connection::drive() {
  if (on_worker_) { wait_for_worker(Errand::run); return ok(); }
  return take(session_->run(db::Where::reactor));
}

/// What a run of the session asks for.
Status Connection::take(Result<db::Progress> progress) {
  if (!progress) return progress.take_error();
  switch (*progress) {
    case db::Progress::done:
      active_ = on_worker_ = false;
      break;
    case db::Progress::wants_copy_data:
      if (const int columns = sink_.take_copy_in(); columns >= 0) {
        std::vector<std::int16_t> formats(static_cast<std::size_t>(columns), 0);
        wire_.begin_copy_in(0, formats);
      }
      on_worker_ = false;
      break;
    case db::Progress::waits_turn: wait_for(Waiting::turn); break;
    case db::Progress::waits_durable: break;  // not for those who hold replies
    case db::Progress::output_full: wait_for(Waiting::output); break;
    case db::Progress::wants_worker:
      on_worker_ = true;
      wait_for_worker(Errand::run);
      break;
  }
  return ok();
}

void Connection::wait_for(Waiting what) {
  waiting_ = what;
  if (what == Waiting::output) {
    flush();
    resume_posted_ = !stream_->is_over_output_limit() && !holds_too_much();
    if (resume_posted_) shared_.reactor->post(done_post_);
  } else if (what == Waiting::turn) {
    const std::uint64_t left_ns = session_->time_left_ns();
    if (left_ns != UINT64_MAX) shared_.reactor->arm(statement_deadline_, static_cast<net::Milliseconds>(left_ns / 1'000'000 + 1));
    // The wake may have come while a worker had the session, when nobody waited yet.
    if (session_->is_woken()) shared_.reactor->post(wake_post_);
  }
}

void Connection::wait_for_worker(Errand errand) {
  errand_ = errand;
  waiting_ = Waiting::worker;
}

void Connection::start_worker() { shared_.workers->post(job_); }

/// Goes on with what a worker has done.
Status Connection::errand_done() {
  Status failed = std::move(errand_status_);
  switch (errand_) {
    case Errand::run: return take(std::move(worker_result_));
    case Errand::event: return failed;
    case Errand::find_role: case Errand::open_session: break;
  }
  if (failed) wire_.fatal(failed);
  else if (errand_ == Errand::find_role) request_password();
  else log_in();
  return ok();
}

/// Goes on where it waited, then with what the client sent meanwhile.
void Connection::resume() {
  const Waiting was = waiting_;
  waiting_ = Waiting::nothing;
  shared_.reactor->disarm(statement_deadline_);
  if (shutting_down_) { shut_down(); return; }
  Status failed = was == Waiting::worker ? errand_done() : drive();
  if (failed) report(failed);
  if (waiting_ == Waiting::nothing) {
    if (!active_ && wire_.ready_owed() && session_ != nullptr) ready();
    handle_events();
    if (waiting_ == Waiting::nothing && !holds_too_much()) stream_->resume_reading();
  } else {
    flush();
    if (waiting_ == Waiting::worker) start_worker();
  }
}

void Connection::run_on_worker() {
  switch (errand_) {
    case Errand::run: worker_result_ = session_->run(db::Where::worker); break;
    case Errand::event: {
      Event event;
      auto got = wire_.next(event);
      errand_status_ = got ? handle(event, db::Where::worker) : got.take_error();
      break;
    }
    case Errand::find_role: errand_status_ = find_role(); break;
    case Errand::open_session: errand_status_ = open_session(); break;
  }
  shared_.reactor->post(done_post_);
}

void Connection::on_writable(net::Stream&) {
  // With a post under way, a resume here would meet it again while a worker writes to the output.
  if (waiting_ == Waiting::output && !resume_posted_) resume();
}

void Connection::wake_durable(ReactorState& shared) {
  auto& machine = shared.instance->machine();
  Connection* ready = nullptr;
  for (Connection** link = &shared.holding; *link != nullptr;) {
    Connection* one = *link;
    if (!machine.is_durable(one->held_floor_) && !machine.is_lost(one->held_floor_) && !machine.log_is_broken()) { link = &one->next_holding_; continue; }
    *link = one->next_holding_;
    one->is_holding_ = false;
    one->next_holding_ = ready;
    ready = one;
  }
  shared.has_waiting.store(shared.holding != nullptr, std::memory_order_seq_cst);
  while (ready != nullptr) {
    Connection* one = ready;
    ready = one->next_holding_;
    one->next_holding_ = nullptr;
    one->release();
  }
}

void Connection::shut_down() {
  shutting_down_ = true;
  if (waiting_ == Waiting::worker) {  // told when the worker has let go
    if (errand_ == Errand::run) session_->cancel();
    return;
  }
  if (is_holding_) return;  // its reply comes first
  wire_.fatal(Error::make(sqlstate::admin_shutdown, "terminating connection due to administrator command"));
  flush();
}

void Connection::shut_down_all(ReactorState& shared) {
  shared.stopping = true;
  for (Connection* one = shared.connections; one != nullptr;) {
    Connection* next = one->next_open_;
    one->shut_down();
    one = next;
  }
}

void Connection::on_close(net::Stream&, net::CloseReason) {
  shared_.reactor->remove(log_in_deadline_);
  shared_.reactor->remove(statement_deadline_);
  shared_.reactor->remove(idle_deadline_);
  if (is_holding_) stop_holding();
  if (waiting_ == Waiting::turn && session_ != nullptr) session_->stop_waiting();
  (before_open_ == nullptr ? shared_.connections : before_open_->next_open_) = next_open_;
  if (next_open_ != nullptr) next_open_->before_open_ = before_open_;
  closed_ = true;
  if (waiting_ == Waiting::worker) {
    if (errand_ == Errand::run) session_->cancel();
    return;  // done_post_ deletes it
  }
  bury();
}

/// Ends the session; after that nobody posts, and once no post is on its way any more the object goes.
void Connection::bury() {
  session_.reset();
  done_post_.run = [](net::Post& post) {
    Connection* self = static_cast<DonePost&>(post).self;
    if (self->wake_post_.queued.load(std::memory_order_acquire)) self->shared_.reactor->post(post);
    else delete self;
  };
  shared_.reactor->post(done_post_);
}

}  // namespace spg::server
