"""What can be true of a task: the predicates that the rules and the table of approaches are made of.

Each predicate is named and explained here, once. `Traits(facts).central` is its truth for one task. `Traits.central` is
the predicate itself, and that is what `rules.py` and `approaches.py` list.

A predicate reads fields lazily and in the order written: where an unknown field is in the way, NeedToKnow leaves it,
and the first such field is the one that the advisor asks for.
"""

from __future__ import annotations

from cli.advisor.fields import ADDITIVE, COUNTS, ELEMENTS, INTERSECTIONS, ONE_BIT, SELECTIONS
from cli.advisor.labels import L
from cli.advisor.lazy import lazy
from cli.advisor.numbers import FEW_HOLDERS, Numbers
from cli.advisor.printed_commands import implemented
from cli.advisor.task import Facts

SPARE = 5  # how much better noise at the source must be than what is useless, where computing together is possible too


class predicate(lazy[bool]):  # noqa: N801 - a decorator
    """Something that is true of a task or is not."""

    wanted = True


class Unless:
    """The opposite of a predicate, in a table."""

    wanted = False

    def __init__(self, opposite: predicate) -> None:
        self.name = opposite.name


Condition = predicate | Unless


class Traits:
    """What is true of one task, each predicate computed when first asked for.

    Attributes:
        f: the task's fields.
        n: the numbers that follow from them.
        reached: the rule that is being tried, by its place in the table.
    """

    def __init__(self, facts: Facts) -> None:
        self.f = facts
        self.n = Numbers(facts)
        self.reached = 0

    def told(self, name: str, value: object) -> Traits:
        """The same task with one more field known. What was computed is kept where it cannot depend on the field."""
        traits = Traits(self.f.told(name, value))
        if self.f.unread(name):
            traits.__dict__.update({**self.__dict__, "f": traits.f, "n": traits.n})
            traits.n.__dict__.update({**self.n.__dict__, "f": traits.f})
        return traits

    # What is asked for.

    @predicate
    def over_lists(self) -> bool:
        """The task compares lists of items."""
        return self.f.function in INTERSECTIONS

    @predicate
    def elements(self) -> bool:
        """The common items themselves are wanted."""
        return self.f.function in ELEMENTS

    @predicate
    def joined(self) -> bool:
        """Statistics over the joined records of the lists are wanted."""
        return bool(self.f.function == "intersection_join_stats")

    @predicate
    def overlap_number(self) -> bool:
        """One number about the common items is wanted: how many, or a total."""
        return self.f.function in ("intersection_size", "intersection_sum")

    @predicate
    def additive(self) -> bool:
        """A total, or what follows from totals, is wanted."""
        return self.f.function in ADDITIVE

    @predicate
    def one_bit(self) -> bool:
        """A yes or a no is wanted."""
        return self.f.function in ONE_BIT

    @predicate
    def summable(self) -> bool:
        """A sum over all units answers the task: totals, and what a count decides."""
        return self.f.function in (*ADDITIVE, *ONE_BIT)

    @predicate
    def selection(self) -> bool:
        """The best options are wanted."""
        return self.f.function in SELECTIONS

    @predicate
    def winner_only(self) -> bool:
        """The best options are wanted, and the totals are not to be known."""
        return bool(self.f.function in SELECTIONS and self.f.output_dim == 1)

    @predicate
    def options_known(self) -> bool:
        """The number of options is known."""
        return self.f.n_candidates is not None

    @predicate
    def quantile(self) -> bool:
        """A median or another quantile is wanted."""
        return bool(self.f.function == "quantile")

    @predicate
    def extreme(self) -> bool:
        """The largest or the smallest value is wanted."""
        return bool(self.f.function == "extreme")

    @predicate
    def selects(self) -> bool:
        """The answer is a choice rather than a number."""
        return self.f.function in (*SELECTIONS, "quantile", "extreme")

    @predicate
    def general(self) -> bool:
        """The function is beyond sums and sets: an auction, a model's answer, a custom function."""
        return self.f.function in ("auction", "inference", "custom")

    @predicate
    def training(self) -> bool:
        """A model learnt from the data is wanted."""
        return bool(self.f.function == "training")

    @predicate
    def given_away(self) -> bool:
        """A model is wanted, and others than the holders get it or it must hide each unit."""
        return self.training and (self.f.recipients in ("external", "public") or self.hides_output)

    @predicate
    def noisy_training(self) -> bool:
        """A model is given away, and noise is not ruled out: neither is an exact one demanded nor a clamp refused."""
        return self.given_away and not self.must_be_exact and not self.no_clamp

    @predicate
    def takes_several(self) -> bool:
        """The function compares the inputs of several: lists, bids, a model and its data."""
        return self.over_lists or self.general

    @predicate
    def tells_inputs(self) -> bool:
        """The result follows single inputs: no useful noisy version of it exists."""
        return self.elements or self.general or (self.joined and (self.one_holder or self.no_clamp))

    @predicate
    def individual(self) -> bool:
        """One particular unit's record is wanted."""
        return bool(self.f.function == "individual_record")

    @predicate
    def rows(self) -> bool:
        """The records themselves are wanted."""
        return bool(self.f.function == "row_release")

    @predicate
    def fuzzy(self) -> bool:
        """Items of the two lists match though they are spelt differently."""
        return bool(self.f.match == "fuzzy")

    # Who holds the data, and who may see it.

    @predicate
    def inputs_public(self) -> bool:
        """Nothing in the data is secret."""
        return bool(self.f.data_public)

    @predicate
    def entitled(self) -> bool:
        """One holder has all the data, nobody else gets the result, and the result need not hide anybody."""
        # The function is looked at first, though it does not matter here, so that it is the first thing asked.
        inside = self.f.function is not None and self.f.recipients in ("participants", "one_participant", "subset")
        return inside and self.one_holder and not self.hides_output

    @predicate
    def one_holder(self) -> bool:
        """One party holds everything."""
        return bool(self.f.n_holders == 1)

    @predicate
    def more_than_two(self) -> bool:
        """More than two parties hold the data."""
        return bool(self.f.n_holders > 2)

    @predicate
    def two_alone(self) -> bool:
        """Two parties, of whom one gets the result or each holds a single value: a total tells one the other's."""
        return bool(self.f.n_holders == 2 and (self.f.recipients != "external" or self.f.each_holder_one_unit))

    @predicate
    def central(self) -> bool:
        """One party holds everything already, or may see it."""
        return self.one_holder or self.curator

    @predicate
    def curator(self) -> bool:
        """Somebody may see all the raw data."""
        return bool(self.f.trusted_curator)

    @predicate
    def own_value(self) -> bool:
        """Each holder has one unit's data only: its own."""
        return bool(self.f.each_holder_one_unit)

    @predicate
    def helpers(self) -> bool:
        """Servers that do not collude can be found."""
        return bool(self.f.helper_servers)

    @predicate
    def too_many(self) -> bool:
        """The holders are too many to compute together, and no servers help them."""
        return bool(self.f.n_holders > FEW_HOLDERS) and not self.helpers

    @predicate
    def reachable(self) -> bool:
        """A computation together is practicable: among few, with servers, or where parties hold many units each."""
        if not self.own_value or not self.too_many:
            return True
        return self.selects and not self.f.known("helper_servers")

    @predicate
    def compared_here(self) -> bool:
        """The toolkit has a command that computes such an exact result, though it is no sum."""
        return implemented(self.f, L.MPC_OTHER)

    @predicate
    def cheating(self) -> bool:
        """Somebody may deviate from the protocol."""
        return bool(self.f.adversary == "malicious")

    @predicate
    def known_giant(self) -> bool:
        """The largest input may be known and be most of the total, and something less than the exact total will do."""
        return bool(self.f.exact != "required" and self.f.dominant_possible and self.f.aux_likely)

    @predicate
    def sizes_known(self) -> bool:
        """The lengths of both lists are known."""
        return self.f.n_a is not None and self.f.n_b is not None

    # Exact, or hidden in the result.

    @predicate
    def exact_required(self) -> bool:
        """No error is permitted."""
        return bool(self.f.exact == "required")

    @predicate
    def hides_output(self) -> bool:
        """The result itself is to hide each unit."""
        return bool(self.f.output_privacy != "not_needed")

    @predicate
    def hiding_required(self) -> bool:
        """The result itself must hide each unit."""
        return bool(self.f.output_privacy == "required")

    @predicate
    def must_hide(self) -> bool:
        """It is stated that the result itself must hide each unit. Nobody is asked for it here."""
        return self.f.known("output_privacy") and self.hiding_required

    @predicate
    def must_be_exact(self) -> bool:
        """It is stated that no error is permitted. Nobody is asked for it here."""
        return self.f.known("exact") and self.exact_required

    @predicate
    def no_clamp(self) -> bool:
        """It is stated that values have no limit and may not be cut off."""
        return bool(self.f.known("bounded") and self.f.bounded == "no")

    @predicate
    def wants_exact(self) -> bool:
        """Exactness is demanded, or preferred while the result need not hide anybody."""
        return self.exact_required or bool(self.f.exact == "preferred" and not self.hides_output)

    @predicate
    def exact_will_do(self) -> bool:
        """Exactness is wanted, or the result need not hide anybody."""
        return self.wants_exact or not self.hides_output

    @predicate
    def exact_serves(self) -> bool:
        """Exact is wanted; or noise is permitted but useless here, and nobody needs to be hidden in the result."""
        if self.wants_exact:
            return True
        if self.hides_output:
            return False
        if self.central:
            return not self.central_fits
        return not ((self.own_value and self.local_good) or self.shared_fits)

    # Noise.

    @predicate
    def bounded(self) -> bool:
        """What one unit can change is limited. Counts are by nature, unless the user says that they are not."""
        if self.f.known("bounded") and self.f.bounded != "na":
            return bool(self.f.bounded != "no")
        natural = self.f.function in (*COUNTS, "histogram", "intersection_size", *SELECTIONS)
        return natural or self.f.bounds is not None or bool(self.f.need("bounded") != "no")

    @predicate
    def central_fits(self) -> bool:
        """The noise of one who sees all the data leaves a usable answer."""
        if self.selects:
            return self.n.shortfall95 <= self.n.at_stake
        return self.bounded and self.n.fits(self.n.central_err95)

    @predicate
    def shared_fits(self) -> bool:
        """Noise added inside a secure computation leaves a usable answer; a choice is as good as with a holder."""
        if self.selects:
            return self.central_fits
        return self.bounded and self.n.fits(self.n.shared_err95)

    @predicate
    def local_fits(self) -> bool:
        """Noise that every holder adds leaves a usable answer."""
        return not self.selects and self.bounded and self.n.fits(self.n.local_err95)

    @predicate
    def local_good(self) -> bool:
        """Noise that every holder adds is good enough to be preferred.

        Where no tolerance was stated and few hold the data, it must be a good answer (a tenth of the range), since
        they could compute together instead.
        """
        if self.selects or not self.bounded:
            return False
        spare = SPARE if not self.n.stated_limit and self.f.n_holders <= FEW_HOLDERS else 1
        return self.n.fits(self.n.local_err95 * spare)

    @predicate
    def tallies_fit(self) -> bool:
        """The noisy totals of all options would still show the best."""
        return self.n.tallies_err95 <= self.n.at_stake


def holds(conditions: tuple[Condition, ...], traits: Traits) -> bool:
    """Do all of them hold? They are tried in order, and none after the first that does not."""
    for condition in conditions:  # noqa: SIM110 - a loop takes half the time of all(), and thousands are tried
        if getattr(traits, condition.name) != condition.wanted:
            return False
    return True
