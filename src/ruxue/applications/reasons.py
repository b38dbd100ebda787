"""Reason codes: each with a text for families in both languages (Chinese in the catalogue) and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Reason:
    """`text` is one sentence; `todo` what helps; `actions` which buttons: correct, upload, book, waive, wait."""

    text: Any
    todo: Any = ""
    actions: tuple[str, ...] = field(default=())
    staff: bool = False


REASONS: dict[str, Reason] = {
    "identity_mismatch": Reason(
        _("The name and the ID number of this person do not belong together in the register."),
        _("Please compare both with the household book, sign by sign, and correct them."),
        ("correct", "book"),
    ),
    "name_variant": Reason(
        _("The register writes this name with another sign."),
        _("You need not do anything: the school will compare it with the household book."),
        ("correct", "book"),
    ),
    "household_not_together": Reason(
        _("Your child and the guardian you named are in different household books."),
        _("Name the guardian or grandparent whose book your child is in."),
        ("correct", "upload", "book", "waive"),
    ),
    "hukou_elsewhere": Reason(
        _("Your child's hukou is at another address than the home you named."),
        _("If that is right, nothing needs to be done: it only matters for the category."),
    ),
    "hukou_address_unclear": Reason(
        _("The register still writes the hukou's address in an old way that could not be matched."),
        _("Upload the first page of the household book, or book an on-site check."),
        ("upload", "book", "waive"),
    ),
    "property_not_found": Reason(
        _("No home in the compound you named is registered under the names you gave."),
        _("Check the compound and the owner; if the certificate is new or old-style, upload it."),
        ("correct", "upload", "book", "waive"),
    ),
    "owner_not_named": Reason(
        _("The home is registered under the name of somebody else, too, whom you did not name."),
        _("Name the other parent or the grandparent who owns a share; for any other owner, go on with what is proven."),
        ("correct", "book", "waive"),
    ),
    "kinship_not_shown": Reason(
        _("The household register does not show how the owner or tenant of the home is related to your child."),
        _("Name the parent who owns or rents it, or upload the birth certificate or the household book."),
        ("correct", "upload", "book", "waive"),
    ),
    "parent_not_named": Reason(
        _("The rule asks about both parents, and you named one."),
        _("Add the other parent; if you raise your child alone, upload the paper that shows it."),
        ("correct", "upload", "book", "waive"),
    ),
    "permit_not_found": Reason(
        _("No residence permit was found under the names you gave, or its address is not clear."),
        _("Upload the permit, or the receipt if it is applied for."),
        ("correct", "upload", "book", "waive"),
    ),
    "pupil_not_found": Reason(
        _("The pupil register does not know the primary school that your child leaves."),
        _("Check the child's name and ID number, or ask the primary school."),
        ("correct", "upload", "book"),
    ),
    "seat_unclear": Reason(
        _(
            "Another pupil's seat is on record for this home, and it is not clear whether it is your own child's sibling."
        ),
        _("Add the other parent, or ask the district's education bureau to check the register of seats."),
        ("correct", "upload", "book", "waive"),
    ),
    "register_unsure": Reason(
        _("The register could not tell for certain: more than one of its entries may be yours."),
        _("Compare what you entered with the paper, sign by sign; or upload the paper, or bring it to the school."),
        ("correct", "upload", "book", "waive"),
    ),
    "not_asked": Reason(
        _("No department was asked about this: you have not agreed to it, or the city has not connected one."),
        _("Upload the paper that the rule names below, or bring it to the school."),
        ("upload", "book", "waive"),
    ),
    "paper_needed": Reason(
        _("The rule asks for something that no register can show."),
        _("Upload the paper that the rule names below, or bring it to the school."),
        ("upload", "book", "waive"),
    ),
    "property_not_residential": Reason(
        _("The home you named is registered for another use than living."), "", ("correct", "upload", "waive")
    ),
    "contract_not_found": Reason(
        _("No filed purchase contract for this compound was found under the names you gave."),
        _("Check the buyer's name, or upload the contract."),
        ("correct", "upload", "book", "waive"),
    ),
    "resettlement_not_found": Reason(
        _("No resettlement agreement was found under the names you gave."),
        _("Upload the agreement."),
        ("correct", "upload", "book", "waive"),
    ),
    "lease_not_found": Reason(
        _("No filed lease for this compound was found under the names you gave."),
        _("File the lease with the housing bureau, or upload its filing."),
        ("correct", "upload", "book", "waive"),
    ),
    "job_not_found": Reason(
        _("No work, business or insurance of a guardian in this district was found."),
        _("Upload the work contract or the business licence, or add the other guardian."),
        ("correct", "upload", "book", "waive"),
    ),
    "department_silent": Reason(
        _("A department has not answered yet. We go on asking; this costs you nothing."),
        _("You need not wait for it: a picture of the paper, or a time at the school, will do as well."),
        ("wait", "upload", "book"),
    ),
    "registers_contradict": Reason(
        _("Two registers say different things about your family. That is not your mistake."),
        _("The school looks at it; you need not do anything. A picture of the paper helps if you have it at hand."),
        ("upload", "book"),
    ),
    "not_readable": Reason(
        _("The departments' answers about your family can't be judged by machine. That is not your mistake."),
        _("The school looks at it; you need not do anything. A picture of the paper helps if you have it at hand."),
        ("upload", "book"),
    ),
    "register_disputed": Reason(
        _("You told us that a register is wrong; its department is asked to correct it."),
        _("You need not wait for its answer: a picture of the paper counts as well."),
        ("upload", "book", "waive"),
    ),
    "register_corrected": Reason(
        _("The department has corrected its register; it is asked again."),
        _("If nothing changes here, upload the paper, or go on with what is proven."),
        ("upload", "book", "waive"),
    ),
    "answer_changed": Reason(
        _(
            "A department's answer changed after your case was decided; it was decided again, and your papers still count."
        ),
        _("You can object after the preliminary result is published."),
    ),
    "register_kept": Reason(
        _("The department looked at its register and keeps what it holds."),
        _("If your paper says otherwise, upload it or bring it to the school."),
        ("upload", "book", "waive"),
    ),
    "already_enrolled": Reason(
        _("This child is already registered as a pupil."), _("Please call the school."), ("book",)
    ),
    "too_young": Reason(
        _("Your child was born after the day that the rule names, and can start school next year."),
        _("If the date is wrong, correct the ID number or call the school."),
        ("correct",),
    ),
    "school_picture_unclear": Reason(
        _("The picture can't be read."),
        _("Take it again in daylight, all four corners visible."),
        ("upload", "book", "waive"),
        True,
    ),
    "school_wrong_paper": Reason(
        _("This is not the paper that was asked for."),
        _("Upload the paper named below."),
        ("upload", "book", "waive"),
        True,
    ),
    "school_pages_missing": Reason(
        _("A page is missing."),
        _("Upload all pages that carry names, address and stamp."),
        ("upload", "book", "waive"),
        True,
    ),
    "school_need_original": Reason(
        _("The school would like to see the original."),
        _("Please book a time that suits you; it takes ten minutes."),
        ("book", "waive"),
        True,
    ),
    "school_does_not_match": Reason(
        _("The paper says something else than what you entered."),
        _("Correct what you entered, or bring the original."),
        ("correct", "book", "waive"),
        True,
    ),
    "evidence_confirmed": Reason(_("The school has confirmed your papers."), staff=True),
    "evidence_refused": Reason(
        _("The paper could not be confirmed by the office that issues it, so it does not count."),
        _("You can object after the preliminary result is published."),
        staff=True,
    ),
    "forged": Reason(
        _("The paper was found to be forged in a hearing."), _("You can object in writing to the district."), staff=True
    ),
    "closed_without_proof": Reason(
        _("The time for proofs is over; the category rests on what is proven."),
        _("You can object after the preliminary result is published."),
    ),
    "waived": Reason(_("You asked to go on with what is proven.")),
    "passed": Reason(_("All that the rule needs was confirmed by data; you need not do anything.")),
    "published": Reason(_("The preliminary result is published. You can object until the date shown.")),
    "objection_upheld": Reason(_("Your objection was right, and your category was changed.")),
    "objection_denied": Reason(_("The district looked at your objection and kept the result; its answer is below.")),
    "appeal_upheld": Reason(_("Your appeal was right: your category was changed, and a seat is given by the rule.")),
    "offered": Reason(_("A seat is offered to your child. Please accept or decline it by the date shown.")),
    "appeal_waits": Reason(
        _("Your appeal is upheld, but no seat is free there now. The next one that becomes free is yours.")
    ),
    "no_show": Reason(
        _("Your child did not report in time, so the seat is free again. Please call the district at once.")
    ),
    "coordinated": Reason(_("The zone's school is full; the district offers the nearest seat that is left.")),
    "classed": Reason(_("The classes have been drawn in public; your child's class is shown below.")),
    "teachers_drawn": Reason(_("The teachers of the classes have been drawn in public; your child's are shown below.")),
    "onsite_booked": Reason(_("Your time at the school is booked.")),
}

STAFF_RETURN = [code for code, reason in REASONS.items() if reason.staff and reason.actions]
