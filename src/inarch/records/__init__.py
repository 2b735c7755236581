"""Frozen records without torch: what is measured travels in these, and what is shown is a function of these."""

from inarch.records.adaptation import Adaptation, AdaptedCandidate
from inarch.records.anatomy import Departure, FeatureInfo, NetTrace, Node
from inarch.records.doctor import ACTIONS, KINDS, SEVERITIES, Decision, Diagnosis, Finding
from inarch.records.learning import LeakTax, LearningCurve, LearningPoint
from inarch.records.metrics import (
    Answered,
    AnswerRule,
    Bin,
    ClassScore,
    Comparison,
    CoveragePoint,
    Estimate,
    Evaluation,
    Mistake,
)
from inarch.records.photos import Photo, PhotoSet, Preprocessing, SkippedFile
from inarch.records.plan import Plan, PlannedStrategy
from inarch.records.ranking import RankedBackbone, Ranking
from inarch.records.report import CURVES_PHASE, Candidate, Curve, Movement, Phase, TrainingReport
from inarch.records.strategy_curves import StrategyCurve, StrategyCurves, StrategyPoint, StrategyVerdict

__all__ = [
    "ACTIONS",
    "CURVES_PHASE",
    "KINDS",
    "SEVERITIES",
    "Adaptation",
    "AdaptedCandidate",
    "AnswerRule",
    "Answered",
    "Bin",
    "Candidate",
    "ClassScore",
    "Comparison",
    "CoveragePoint",
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
    "StrategyCurve",
    "StrategyCurves",
    "StrategyPoint",
    "StrategyVerdict",
    "TrainingReport",
]
