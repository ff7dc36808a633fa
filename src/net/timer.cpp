#include "spg/net/timer.hpp"

#include <cstdlib>

namespace spg::net {

TimerHeap::~TimerHeap() { std::free(heap_); }

void TimerHeap::put(std::size_t place, Timer* timer) {
  heap_[place] = timer;
  timer->place = place;
}

void TimerHeap::sift_up(std::size_t place) {
  Timer* const timer = heap_[place];
  for (; place != 0 && heap_[(place - 1) / 2]->due > timer->due; place = (place - 1) / 2)
    put(place, heap_[(place - 1) / 2]);
  put(place, timer);
}

void TimerHeap::sift_down(std::size_t place) {
  Timer* const timer = heap_[place];
  for (std::size_t child = 2 * place + 1; child < count_; child = 2 * place + 1) {
    if (child + 1 < count_ && heap_[child + 1]->due < heap_[child]->due) ++child;
    if (heap_[child]->due >= timer->due) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, timer);
}

bool TimerHeap::arm(Timer& timer, Milliseconds at) {
  timer.wanted = at;
  if (timer.place != Timer::not_placed) {
    if (at < timer.due) {
      timer.due = at;
      sift_up(timer.place);
    }
    return true;
  }
  if (count_ == capacity_) {
    const std::size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
    void* heap = std::realloc(heap_, capacity * sizeof(Timer*));
    if (heap == nullptr) {
      timer.wanted = Timer::never;
      return false;
    }
    heap_ = static_cast<Timer**>(heap);
    capacity_ = capacity;
  }
  timer.due = at;
  put(count_++, &timer);
  sift_up(timer.place);
  return true;
}

void TimerHeap::remove(Timer& timer) {
  timer.wanted = Timer::never;
  if (timer.place == Timer::not_placed) return;
  const std::size_t place = timer.place;
  timer.place = Timer::not_placed;
  Timer* const last = heap_[--count_];
  if (last == &timer) return;
  put(place, last);
  sift_down(place);
  sift_up(last->place);
}

void TimerHeap::run_due(Milliseconds now) {
  while (count_ != 0 && heap_[0]->due <= now) {
    Timer& timer = *heap_[0];
    if (timer.wanted > now && timer.wanted != Timer::never) {
      timer.due = timer.wanted;
      sift_down(0);
      continue;
    }
    const bool fires = timer.wanted != Timer::never;
    remove(timer);
    if (fires) timer.run(timer);
  }
}

}  // namespace spg::net
