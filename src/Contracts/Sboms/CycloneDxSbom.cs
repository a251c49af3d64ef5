using System.Globalization;
using System.Text.Json.Nodes;

namespace EnvPlatform.Contracts.Sboms;

/// <summary>
/// Writes an SBOM in CycloneDX 1.6 (ECMA-424). What the format has no member for is a property <c>envplatform:...</c>.
/// </summary>
public static class CycloneDxSbom
{
    public const string Format = "cyclonedx";
    public const string MediaType = "application/vnd.cyclonedx+json; version=1.6";

    private const string Prefix = "envplatform:";

    public static JsonObject Write(Sbom sbom)
    {
        ArgumentNullException.ThrowIfNull(sbom);
        var document = new JsonObject
        {
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["serialNumber"] = $"urn:uuid:{sbom.Id}",
            ["version"] = 1,
            ["metadata"] = Metadata(sbom),
            ["components"] = Array(sbom.Packages.Select(Component)),
            ["compositions"] = new JsonArray(new JsonObject
            {
                ["aggregate"] = sbom.Incomplete switch { null => "unknown", [] => "complete", _ => "incomplete" },
                ["assemblies"] = new JsonArray(sbom.Component),
            }),
        };
        if (sbom.Vulnerabilities is { } vulnerabilities)
        {
            document["vulnerabilities"] = Array(vulnerabilities.SelectMany(Vulnerability));
        }

        return document;
    }

    private static JsonObject Metadata(Sbom sbom)
    {
        var metadata = new JsonObject
        {
            ["timestamp"] = Sbom.Time(sbom.CreatedAt),
            ["tools"] = new JsonObject
            {
                ["components"] = new JsonArray(
                    new JsonObject { ["type"] = "application", ["name"] = Sbom.ToolName, ["version"] = sbom.Tool }),
            },
            ["component"] = new JsonObject { ["type"] = "platform", ["bom-ref"] = sbom.Component, ["name"] = sbom.Name },
        };
        if (sbom.Author is { } author)
        {
            metadata["manufacturer"] = new JsonObject { ["name"] = author };
        }

        var notChecked = sbom.Packages.Count(package => package.Coverage == "not_checked");
        metadata["properties"] = Properties(
        [
            ("platform", sbom.Platform ?? "unknown"), ("digest", sbom.Digest),
            ("vulnerabilities", sbom.Vulnerabilities is null ? "not part of this document" : "those that are known of what was checked"),
            ("not_checked", sbom.Vulnerabilities is null ? null : notChecked.ToString(CultureInfo.InvariantCulture)),
            ("incomplete_count", sbom.Incomplete?.Count.ToString(CultureInfo.InvariantCulture) ?? "unknown"),
            .. (sbom.Incomplete ?? []).Select(one => ("incomplete", (string?)$"{one.Reason}: {one.What}")),
        ]);
        return metadata;
    }

    private static JsonObject Component(SbomPackage package)
    {
        var component = new JsonObject
        {
            ["type"] = "library",
            ["bom-ref"] = package.Url,
            ["name"] = package.Name,
            ["version"] = package.Version,
            ["purl"] = package.Url,
        };
        if (package.Sha256 is { } hash)
        {
            component["hashes"] = new JsonArray(new JsonObject { ["alg"] = "SHA-256", ["content"] = hash });
        }

        if (!string.IsNullOrWhiteSpace(package.License))
        {
            component["licenses"] = new JsonArray(SpdxExpression.Read(package.License) is { } expression
                ? new JsonObject { ["expression"] = expression }
                : new JsonObject { ["license"] = new JsonObject { ["name"] = package.License } });
        }

        var properties = Properties(
        [
            ("requested", package.Requested ? "true" : null), ("coverage", package.Coverage), ("not_checked_reason", package.Reason),
        ]);
        if (properties.Count > 0)
        {
            component["properties"] = properties;
        }

        return component;
    }

    /// <summary>One entry for each verdict: an analysis is about all that an entry affects.</summary>
    private static IEnumerable<JsonObject> Vulnerability(SbomVulnerability vulnerability) =>
        vulnerability.Found.GroupBy(found => (found.Status, found.CuratedAt, found.Detail)).Select((verdict, number) =>
        {
            var entry = new JsonObject
            {
                ["bom-ref"] = number == 0 ? vulnerability.Id : $"{vulnerability.Id}#{number + 1}",
                ["id"] = vulnerability.Id,
                ["source"] = SourceOf(vulnerability.Id),
                ["ratings"] = new JsonArray(Rating(vulnerability)),
            };
            if (vulnerability.Aliases.Count > 0)
            {
                entry["references"] = Array(vulnerability.Aliases.Distinct(StringComparer.Ordinal)
                    .Select(alias => new JsonObject { ["id"] = alias, ["source"] = SourceOf(alias) }));
            }

            if (vulnerability.Summary is { Length: > 0 } summary)
            {
                entry["description"] = summary;
            }

            if (verdict.SelectMany(found => found.FixedIn).Distinct(StringComparer.Ordinal).ToArray() is [_, ..] versions)
            {
                entry["recommendation"] = "Fixed in " + string.Join(", ", versions);
            }

            if (vulnerability.PublishedAt is { } published)
            {
                entry["published"] = Sbom.Time(published);
            }

            if (vulnerability.ModifiedAt is { } modified)
            {
                entry["updated"] = Sbom.Time(modified);
            }

            if (Analysis(verdict.Key.Status, verdict.Key.CuratedAt, verdict.Key.Detail) is { } analysis)
            {
                entry["analysis"] = analysis;
            }

            entry["affects"] = Array(verdict.Select(found => found.Package.Url).Distinct(StringComparer.Ordinal)
                .Select(url => new JsonObject { ["ref"] = url }));
            entry["properties"] = Properties(
            [
                ("status", verdict.Key.Status),
                ("known_exploited", vulnerability.Kev switch { true => "true", false => "false", null => "unknown" }),
            ]);
            return entry;
        });

    private static JsonObject Rating(SbomVulnerability vulnerability)
    {
        var rating = new JsonObject();
        if (vulnerability.Cvss is { } score)
        {
            rating["score"] = score;
        }

        rating["severity"] = vulnerability.Severity is "critical" or "high" or "medium" or "low" or "none"
            ? vulnerability.Severity : "unknown";
        if (vulnerability.CvssVector is { } vector)
        {
            rating["method"] = vector.Split('/')[0] switch
            {
                "CVSS:4.0" => "CVSSv4",
                "CVSS:3.1" => "CVSSv31",
                "CVSS:3.0" => "CVSSv3",
                _ => "CVSSv2",
            };
            rating["vector"] = vector;
        }

        return rating;
    }

    /// <summary>What the organization, or the platform for it, holds; null where nobody has judged it.</summary>
    private static JsonObject? Analysis(string status, DateTimeOffset? at, string? detail)
    {
        if (status == "reported")
        {
            return null;
        }

        var analysis = new JsonObject
        {
            ["state"] = status switch
            {
                "active" => "exploitable",
                "mitigated" or "cleared" or "not_affected" => "not_affected",
                _ => "in_triage",
            },
        };
        if (status is "mitigated" or "not_affected")
        {
            analysis["justification"] = status == "mitigated" ? "protected_by_mitigating_control" : "code_not_present";
        }

        if (detail is { Length: > 0 })
        {
            analysis["detail"] = detail;
        }

        if (at is { } since)
        {
            analysis["firstIssued"] = Sbom.Time(since);
        }

        return analysis;
    }

    private static JsonObject SourceOf(string id) => new()
    {
        ["name"] = id.Split('-')[0] switch { "CVE" => "NVD", "GHSA" => "GitHub Advisories", _ => "OSV" },
    };

    private static JsonArray Properties(IEnumerable<(string Name, string? Value)> properties) =>
        Array(properties.Where(one => one.Value is not null)
            .Select(one => new JsonObject { ["name"] = Prefix + one.Name, ["value"] = one.Value }));

    private static JsonArray Array(IEnumerable<JsonObject> items) => new([.. items]);
}
