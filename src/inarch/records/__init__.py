"""Frozen records without torch: what is measured travels in these, and what is shown is a function of these."""

from inarch.records.adaptation import Adaptation, AdaptedCandidate
from inarch.records.anatomy import Departure, FeatureInfo, NetTrace, Node
from inarch.records.doctor import ACTIONS, KINDS, SEVERITIES, Decision, Diagnosis, Finding
from inarch.records.learning import LeakTax, LearningCurve, LearningPoint
from inarch.records.metrics import Bin, ClassScore, Estimate, Evaluation, Mistake
from inarch.records.photos import Photo, PhotoSet, Preprocessing, SkippedFile
from inarch.records.plan import Plan, PlannedStrategy
from inarch.records.ranking import RankedBackbone, Ranking
from inarch.records.report import Candidate, Curve, Movement, Phase, TrainingReport

__all__ = [
    "ACTIONS",
    "KINDS",
    "SEVERITIES",
    "Adaptation",
    "AdaptedCandidate",
    "Bin",
    "Candidate",
    "ClassScore",
    "Curve",
    "Decision",
    "Departure",
    "Diagnosis",
    "Estimate",
    "Evaluation",
    "FeatureInfo",
    "Finding",
    "LeakTax",
    "LearningCurve",
    "LearningPoint",
    "Mistake",
    "Movement",
    "NetTrace",
    "Node",
    "Phase",
    "Photo",
    "PhotoSet",
    "Plan",
    "PlannedStrategy",
    "Preprocessing",
    "RankedBackbone",
    "Ranking",
    "SkippedFile",
    "TrainingReport",
]
