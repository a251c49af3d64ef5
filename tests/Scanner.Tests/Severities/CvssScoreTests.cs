using EnvPlatform.Scanner.Severities;

namespace EnvPlatform.Scanner.Tests.Severities;

/// <summary>Worked examples from FIRST's documents, and vectors that its specifications do not allow.</summary>
public sealed class CvssScoreTests
{
    // A Complete Guide to CVSS 2.0, section 3.3: Apache chunked encoding, Windows ASN.1, STAT Scanner.
    [TestCase("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:N/TD:N/CR:M/IR:M/AR:H", 7.8, 6.4, 0.0)]
    [TestCase("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 7.8, 6.4, 9.2)]
    [TestCase("AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:L", 10.0, 8.3, 9.0)]
    [TestCase("AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M", 6.2, 4.9, 7.5)]
    // CVSS 3.1 Examples: MySQL stored SQL injection, phpMyAdmin, POODLE, VMware guest to host, Heartbleed, Shellshock.
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, 6.4, 6.4)]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, 6.1, 6.1)]
    [TestCase("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, 3.1, 3.1)]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, 9.9, 10.0)]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, 7.5, 7.5)]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, 9.8, 9.8)]
    // CVSS 4.0 Examples: nginx, Cisco FMC without and with its threat, Heartbleed, Log4Shell.
    [TestCase("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, null, null)]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7, null, null)]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", 5.2, null, null)]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 8.7, null, null)]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, null, null)]
    public void Examples_of_FIRST_have_the_scores_that_it_gives_them(string vector, double score, double? temporal, double? environmental)
    {
        var found = CvssScore.FromVector(vector)!;
        Assert.That(
            (found.Base, found.Temporal, found.Environmental), Is.EqualTo(((decimal)score, (decimal?)temporal, (decimal?)environmental)));
    }

    // Section 3.2.2 and 3.2.3 of the guide: what is not defined is skipped.
    [TestCase("", false, false)]
    [TestCase("/E:ND/RL:ND/RC:ND/CDP:ND/TD:ND/CR:ND/IR:ND/AR:ND", false, false)]
    [TestCase("/RC:C", true, false)]
    [TestCase("/E:ND/TD:H", false, true)]
    [TestCase("/AR:M/E:U", true, true)]
    public void A_vector_of_2_0_has_the_scores_of_the_groups_that_it_defines(string metrics, bool temporal, bool environmental)
    {
        var score = CvssScore.FromVector("AV:N/AC:L/Au:N/C:P/I:P/A:P" + metrics)!;
        Assert.That((score.Temporal is not null, score.Environmental is not null), Is.EqualTo((temporal, environmental)));
        Assert.That((score.TemporalSeverity is not null, score.EnvironmentalSeverity is not null), Is.EqualTo((temporal, environmental)));
    }

    [TestCase("AV:N/AC:L/Au:N/C:N/I:N/A:N", Severity.Low)]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity.None)]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Severity.None)]
    public void Zero_is_none_except_in_2_0_where_it_is_low(string vector, Severity severity)
    {
        var score = CvssScore.FromVector(vector)!;
        Assert.That((score.Base, score.Severity), Is.EqualTo((0m, severity)));
    }

    // Section 7.3 of 3.1: an equation of its own where the scope changes, even if no metric of the environment is given.
    [Test]
    public void Version_3_1_and_3_0_differ_in_the_environment_of_a_changed_scope()
    {
        const string Metrics = "AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H";
        var (older, newer) = (CvssScore.FromVector("CVSS:3.0/" + Metrics)!, CvssScore.FromVector("CVSS:3.1/" + Metrics)!);
        Assert.That((older.Base, older.Environmental), Is.EqualTo((9.9m, (decimal?)9.9m)));
        Assert.That((newer.Base, newer.Environmental), Is.EqualTo((9.9m, (decimal?)10.0m)));
    }

    [TestCase("", TestName = "Empty")]
    [TestCase("CVSS:3.1/", TestName = "Nothing but the prefix")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", TestName = "Without a mandatory metric")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/AV:N", TestName = "A metric twice, with the same value")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:F/E:U", TestName = "An optional metric twice")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/QQ:H", TestName = "A metric that no version has")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/AT:N", TestName = "A metric of another version")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:C", TestName = "A value of another version")]
    [TestCase("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "A mandatory metric that is not defined")]
    [TestCase("CVSS:3.1/AV:n/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "A value in lower case")]
    [TestCase("CVSS:3.1/Av:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "A metric in lower case")]
    [TestCase("cvss:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "The prefix in lower case")]
    [TestCase("CVSS:3.2/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "A version that there is not")]
    [TestCase("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "3.x without its prefix")]
    [TestCase("CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P", TestName = "2.0 with a prefix")]
    [TestCase("(AV:N/AC:L/Au:N/C:P/I:P/A:P)", TestName = "2.0 in the parentheses of NVD's pages")]
    [TestCase("AV:N/AC:L/AU:N/C:P/I:P/A:P", TestName = "Au of 2.0 in upper case")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/", TestName = "A separator at the end")]
    [TestCase("CVSS:3.1//AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "Two separators")]
    [TestCase(" CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", TestName = "A space before")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H ", TestName = "A space after")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:", TestName = "A metric without a value")]
    [TestCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/:H", TestName = "A value without a metric")]
    [TestCase("CVSS:4.0/AC:L/AV:N/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", TestName = "Mandatory metrics of 4.0 in another order")]
    [TestCase(
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/CR:H/E:A", TestName = "Optional metrics of 4.0 in another order")]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:S/SI:H/SA:H", TestName = "Safety in a metric that is not modified")]
    [TestCase("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/U:RED", TestName = "A word in upper case")]
    public void What_the_specifications_do_not_allow_is_refused(string vector) => Assert.That(CvssScore.FromVector(vector), Is.Null);

    [Test]
    public void Metrics_of_3_1_may_be_in_any_order()
    {
        var score = CvssScore.FromVector("CVSS:3.1/E:U/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N")!;
        Assert.That((score.Base, score.Temporal), Is.EqualTo((9.8m, 9.0m)));
    }
}
