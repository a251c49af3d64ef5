using System.Text;
using System.Text.Json;

using EnvPlatform.Scanner.Curations;
using EnvPlatform.Scanner.Curations.Vex;

using static EnvPlatform.Scanner.Fuzzing.BrokenPropertyException;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>VEX documents. Every statement can be stored, and each one that can be applied has everything it needs.</summary>
internal static class VexTargets
{
    private const string Organization = "urn:uuid:1";

    public static FuzzTarget OpenVex(FuzzCorpus corpus) => new(
        "openvex", random => RecordTargets.NextJson(random, corpus.OpenVex),
        input => Check(input, Curations.Vex.OpenVex.Is, Curations.Vex.OpenVex.Read), [
            new("statements", n => Open(FuzzTargets.List(
                n, i => $$"""{"vulnerability":{"name":"CVE-2024-{{i}}"},"products":[{"@id":"pkg:pypi/x"}],"status":"affected"}"""))),
            new("products", n => Open(
                $$"""{"vulnerability":{"name":"CVE-2024-1"},"products":[{{FuzzTargets.List(n, i => $$"""{"@id":"pkg:pypi/x{{i}}"}""")}}],"status":"affected"}""")),
            new("aliases", n => Open(
                $$"""{"vulnerability":{"name":"CVE-2024-1","aliases":[{{FuzzTargets.List(n, i => $"\"X-{i}\"")}}]},"products":["pkg:pypi/x"],"status":"affected"}""")),
            new("a reason", n => Open(
                $$"""{"vulnerability":"CVE-2024-1","products":["pkg:pypi/x"],"status":"affected","action_statement":"{{FuzzTargets.Repeat("\\ud83d\\ude00", n)}}"}""")),
            new("depth", n => Open(FuzzTargets.Repeat("[", n))),
        ]);

    public static FuzzTarget CycloneDx(FuzzCorpus corpus) => new(
        "cyclonedx", random => RecordTargets.NextJson(random, corpus.CycloneDx), input => Check(input, CycloneDxVex.Is, CycloneDxVex.Read),
        [
            new("components",
                n => Bom($"\"components\":[{FuzzTargets.List(n, i => $$"""{"bom-ref":"{{i}}","purl":"pkg:pypi/x{{i}}"}""")}]")),
            new("vulnerabilities",
                n => Bom($"\"vulnerabilities\":[{FuzzTargets.List(n, i => Vulnerability(i, """{"ref":"pkg:pypi/x"}"""))}]")),
            new("affects",
                n => Bom($"\"vulnerabilities\":[{Vulnerability(1, FuzzTargets.List(n, i => $$"""{"ref":"pkg:pypi/x{{i}}"}"""))}]")),
            new("versions", n => Bom("\"vulnerabilities\":["
                + $"{Vulnerability(1, $$"""{"ref":"pkg:pypi/x","versions":[{{FuzzTargets.List(n, i => $$"""{"version":"{{i}}"}""")}}]}""")}]")),
            new("a link",
                n => Bom($"\"vulnerabilities\":[{Vulnerability(1, $$"""{"ref":"urn:cdx:{{FuzzTargets.Repeat("#%41", n)}}"}""")}]")),
            new("depth", n => Bom($"\"x\":{FuzzTargets.Repeat("[", n)}")),
        ]);

    private static bool Check(
        string input, Func<JsonElement, bool> isOfFormat, Func<JsonElement, string, DateTimeOffset, IEnumerable<VexStatement>> read)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(Encoding.Latin1.GetBytes(input));
        }
        catch (JsonException)
        {
            return false;
        }

        using (document)
        {
            if (!isOfFormat(document.RootElement))
            {
                return false;
            }

            var applicable = 0;
            foreach (var statement in read(document.RootElement, Organization, DateTimeOffset.UnixEpoch))
            {
                foreach (var text in statement.Names.Append(statement.Reason).Append(statement.Scope?.Package)
                    .Append(statement.Scope?.Version).Append(statement.Scope?.Build))
                {
                    Require(FuzzTargets.IsStorable(text), "What was read can be stored.");
                }

                Require(statement.Reason?.Length <= CurateVulnerability.MaxReason, "A reason fits.");
                if (statement.Problem is not null)
                {
                    continue;
                }

                Require(statement is { Names.Length: > 0, Scope: not null, Status: not null },
                    "What can be applied says to what, where and what.");
                applicable++;
            }

            return applicable > 0;
        }
    }

    private static string Open(string statements) =>
        $$"""{"@context":"https://openvex.dev/ns/v0.2.0","timestamp":"2024-01-01T00:00:00Z","statements":[{{statements}}]}""";

    private static string Bom(string members) => $$"""{"bomFormat":"CycloneDX","specVersion":"1.6",{{members}}}""";

    private static string Vulnerability(int id, string affects) =>
        $$"""{"id":"CVE-2024-{{id}}","analysis":{"state":"exploitable"},"affects":[{{affects}}]}""";
}
