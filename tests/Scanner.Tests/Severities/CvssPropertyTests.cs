using EnvPlatform.Scanner.Severities;

using static EnvPlatform.Scanner.Fuzzing.CvssGrammar;

namespace EnvPlatform.Scanner.Tests.Severities;

/// <summary>Properties of the scores of every vector, tested on thousands generated from the grammar.</summary>
public sealed class CvssPropertyTests
{
    private const int Draws = 5_000;
    private readonly Random _random = new(20_240_601);

    // Except where the scope changes in 3.1, which then computes the same impact by another equation (section 7.3).
    [Test]
    public void Without_metrics_of_the_environment_its_score_is_the_temporal_one([Values("CVSS:3.0/", "CVSS:3.1/")] string prefix)
    {
        for (var i = 0; i < Draws; i++)
        {
            var score = Score(prefix + Drawn(Base3, Threat3));
            var tolerance = score.Version == CvssVersion.V31 && score.Vector.Contains("/S:C/", StringComparison.Ordinal) ? 0.2m : 0;
            Assert.That(score.Environmental, Is.EqualTo(score.Temporal).Within(tolerance), score.Vector);
        }
    }

    [Test]
    public void Metrics_that_are_not_defined_change_nothing([Values("CVSS:3.0/", "CVSS:3.1/")] string prefix)
    {
        var undefined = string.Join('/', Threat3.Concat(Environment3).Select(metric => $"{metric.Split(' ')[0]}:X"));
        for (var i = 0; i < Draws; i++)
        {
            var vector = prefix + Drawn(Base3);
            var score = Score(vector);
            Assert.That(Score($"{vector}/{undefined}") with { Vector = vector }, Is.EqualTo(score));
            Assert.That(score.Temporal, Is.EqualTo(score.Base), vector);
        }
    }

    [Test]
    public void Modified_metrics_that_say_what_the_base_says_change_nothing()
    {
        for (var i = 0; i < Draws; i++)
        {
            var metrics = Drawn(Base3);
            var score = Score($"CVSS:3.0/{metrics}/{string.Join('/', metrics.Split('/').Select(metric => "M" + metric))}");
            Assert.That(score.Environmental, Is.EqualTo(score.Base), score.Vector);
        }
    }

    [Test]
    public void A_temporal_score_is_never_above_the_base_score()
    {
        for (var i = 0; i < Draws; i++)
        {
            foreach (var vector in new[]
            {
                "CVSS:3.0/" + Drawn(Base3, Threat3),
                "CVSS:3.1/" + Drawn(Base3, Threat3),
                Drawn(Base2, Threat2)
            })
            {
                var score = Score(vector);
                Assert.That(score.Temporal ?? 0, Is.LessThanOrEqualTo(score.Base), vector);
            }
        }
    }

    [Test]
    public void Every_score_is_between_0_and_10_in_tenths()
    {
        for (var i = 0; i < Draws; i++)
        {
            foreach (var vector in new[]
            {
                Drawn(Base2, Threat2, Environment2),
                "CVSS:3.0/" + Drawn(Base3, Threat3, Environment3), "CVSS:3.1/" + Drawn(Base3, Threat3, Environment3),
                "CVSS:4.0/" + Drawn(Base4, Environment4, Supplemental4),
            })
            {
                var score = Score(vector);
                foreach (var one in new[] { score.Base, score.Temporal, score.Environmental }.OfType<decimal>())
                {
                    Assert.That(one is >= 0 and <= 10 && one * 10 % 1 == 0, $"{vector}: {one}");
                }
            }
        }
    }

    [Test]
    public void A_collateral_damage_of_2_0_never_lowers_and_a_target_distribution_of_none_makes_zero()
    {
        for (var i = 0; i < Draws; i++)
        {
            var vector = Drawn(Base2, Threat2, Environment2[2..]);
            Assert.That(
                Score(vector + "/CDP:H").Environmental, Is.GreaterThanOrEqualTo(Score(vector + "/CDP:N").Environmental ?? 0), vector);
            Assert.That(Score(vector + "/TD:N/CDP:H").Environmental, Is.Zero, vector);
        }
    }

    [Test]
    public void Supplemental_metrics_of_4_0_never_change_the_score_and_a_weaker_threat_never_raises_it()
    {
        for (var i = 0; i < Draws; i++)
        {
            var vector = "CVSS:4.0/" + Drawn(Base4);
            Assert.That(Score($"{vector}/{Drawn(Supplemental4)}").Base, Is.EqualTo(Score(vector).Base), vector);
            Assert.That(Score(vector + "/E:A").Base, Is.EqualTo(Score(vector).Base), vector);
            Assert.That(Score(vector + "/E:P").Base, Is.LessThanOrEqualTo(Score(vector).Base), vector);
            Assert.That(Score(vector + "/E:U").Base, Is.LessThanOrEqualTo(Score(vector + "/E:P").Base), vector);
        }
    }

    private static CvssScore Score(string vector)
    {
        var score = CvssScore.FromVector(vector);
        Assert.That(score, Is.Not.Null, vector);
        return score!;
    }

    private string Drawn(string[] mandatory, params string[][] optional) => Draw(_random, mandatory, optional);
}
