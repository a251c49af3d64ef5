using System.Text.Json;
using System.Text.Json.Nodes;

using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>VEX in CycloneDX 1.6 (ECMA-424): the packages as components, the verdicts as analyses of vulnerabilities.</summary>
internal static class CycloneDxVex
{
    public const string Format = "cyclonedx";
    public const string MediaType = "application/vnd.cyclonedx+json; version=1.6";

    public static bool Is(JsonElement document) => document.Text("bomFormat") == "CycloneDX";

    public static JsonObject Write(
        IReadOnlyCollection<VexExport> curations, string organization, string author, Guid id, DateTimeOffset now)
    {
        var packages = curations.Where(one => one.Scope.Package is not null)
            .SelectMany(one => PackageUrl.Write(one.Scope, one.Status == CurationStatuses.NotAffected)
                .Select(url => (Url: url, one.Scope))).DistinctBy(one => one.Url);
        return new()
        {
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["serialNumber"] = $"urn:uuid:{id}",
            ["version"] = 1,
            ["metadata"] = new JsonObject
            {
                ["timestamp"] = now,
                ["component"] = new JsonObject { ["type"] = "platform", ["bom-ref"] = organization, ["name"] = author },
            },
            ["components"] = new JsonArray([.. packages.Select(one => new JsonObject
            {
                ["type"] = "library",
                ["bom-ref"] = one.Url, ["name"] = one.Scope.Package, ["version"] = one.Scope.Version, ["purl"] = one.Url,
            }.WithoutNulls())]),
            ["vulnerabilities"] = new JsonArray([.. curations.Select(one => Vulnerability(one, organization))]),
        };
    }

    public static IEnumerable<VexStatement> Read(JsonElement document, string organization, DateTimeOffset now)
    {
        var urls = document.Items("components").Append(document.Member("metadata").Member("component"))
            .Select(component => (Ref: component.Text("bom-ref"), Url: component.Text("purl")))
            .Where(one => one is { Ref: not null, Url: not null })
            .DistinctBy(one => one.Ref).ToDictionary(one => one.Ref!, one => one.Url!, StringComparer.Ordinal);
        var issued = document.Member("metadata").Time("timestamp") ?? now;
        foreach (var vulnerability in document.Items("vulnerabilities"))
        {
            string[] names = [.. vulnerability.Items("references").Select(one => one.Text("id"))
                .Prepend(vulnerability.Text("id")).OfType<string>()];
            var analysis = vulnerability.Member("analysis");
            var (status, reason) = Verdict(analysis);
            var statedAt = analysis.Time("lastUpdated") ?? analysis.Time("firstIssued") ?? issued;
            var affects = vulnerability.Items("affects").ToArray();
            foreach (var affected in affects)
            {
                var link = affected.Text("ref") ?? "";
                // A BOM-Link names an element of another document after the #.
                var element = link.StartsWith("urn:cdx:", StringComparison.Ordinal) && link.Split('#', 2) is [_, var fragment]
                    ? Uri.UnescapeDataString(fragment)
                    : link;
                var product = urls.GetValueOrDefault(element, element);
                foreach (var about in Narrow(VexProduct.Of(product, organization), [.. affected.Items("versions")]))
                {
                    yield return VexStatement.Of(names, product, about, status, reason, statedAt);
                }
            }

            if (affects.Length == 0)
            {
                yield return VexStatement.Of(names, "", new(null, "It names no component."), status, reason, statedAt);
            }
        }
    }

    /// <summary>The versions of a component that the analysis is about, where it lists them.</summary>
    private static IEnumerable<VexProduct> Narrow(VexProduct about, JsonElement[] versions)
    {
        if (versions.Length == 0 || about.Scope is not { } scope)
        {
            yield return about;
            yield break;
        }

        foreach (var entry in versions.Where(entry => entry.Text("status") is null or "affected"))
        {
            yield return entry.Text("version") is not { Length: <= CurateVulnerability.MaxText } version || PlainText.HoldsControl(version)
                ? new(null, "It is about a range of versions.")
                : scope.Package is null ? new(null, "It is about a version of what has none.")
                : new(scope with { Version = version }, null);
        }
    }

    private static JsonObject Vulnerability(VexExport curation, string organization) => new()
    {
        ["id"] = curation.VulnerabilityId,
        ["source"] = new JsonObject { ["name"] = SourceOf(curation.VulnerabilityId) },
        ["references"] = new JsonArray([
            .. curation.Aliases.Select(
                alias => new JsonObject { ["id"] = alias, ["source"] = new JsonObject { ["name"] = SourceOf(alias) } })]),
        ["analysis"] = new JsonObject
        {
            ["state"] = curation.Status switch { "active" => "exploitable", "disputed" => "in_triage", _ => "not_affected" },
            ["justification"] = curation.Status switch
            {
                "mitigated" => "protected_by_mitigating_control",
                CurationStatuses.NotAffected => "code_not_present",
                _ => null,
            },
            ["detail"] = curation.Text,
            ["firstIssued"] = curation.CreatedAt,
        }.WithoutNulls(),
        ["affects"] = new JsonArray([
            .. (curation.Scope.Package is null ? [organization]
                : PackageUrl.Write(curation.Scope, curation.Status == CurationStatuses.NotAffected))
                .Select(url => new JsonObject { ["ref"] = url })]),
    };

    private static (string? Status, string? Reason) Verdict(JsonElement analysis)
    {
        var detail = analysis.Text("detail");
        return analysis.Text("state") switch
        {
            "exploitable" => ("active", detail),
            "resolved" or "resolved_with_pedigree" => ("cleared", detail ?? "It is resolved in the component."),
            "false_positive" => ("cleared", detail ?? "It is a false positive."),
            "not_affected" => (
                analysis.Text("justification")?.StartsWith("protected_", StringComparison.Ordinal) == true ? "mitigated" : "cleared",
                detail ?? analysis.Text("justification")),
            _ => VexStatement.Undecided(detail),
        };
    }

    private static string SourceOf(string id) => id.Split('-')[0] switch { "CVE" => "NVD", "GHSA" => "GitHub Advisories", _ => "OSV" };
}
