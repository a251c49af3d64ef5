using System.Text.Json;
using System.Text.Json.Serialization;

using EnvPlatform.Agent.AuditLogs;
using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Client;

/// <summary>The JSON of the public API, generated at build time: reflection would slow every start.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(Caller))]
[JsonSerializable(typeof(Page<OrganizationView>))]
[JsonSerializable(typeof(Page<InvitationView>))]
[JsonSerializable(typeof(InvitationAnswer))]
[JsonSerializable(typeof(InvitedView))]
[JsonSerializable(typeof(MemberView))]
[JsonSerializable(typeof(Page<MemberView>))]
[JsonSerializable(typeof(JoinedView))]
[JsonSerializable(typeof(PasswordSignIn))]
[JsonSerializable(typeof(SignedIn))]
[JsonSerializable(typeof(MachineRegistration))]
[JsonSerializable(typeof(RegistrationFailure))]
[JsonSerializable(typeof(Enrolment))]
[JsonSerializable(typeof(Enrolled))]
[JsonSerializable(typeof(EnvironmentLog))]
[JsonSerializable(typeof(LoggedEnvironment))]
[JsonSerializable(typeof(SeverityCounts))]
[JsonSerializable(typeof(ScanRequest))]
[JsonSerializable(typeof(ScanResult))]
[JsonSerializable(typeof(EnvironmentView))]
[JsonSerializable(typeof(Page<EnvironmentView>))]
[JsonSerializable(typeof(Page<FindingView>))]
[JsonSerializable(typeof(UpgradesView))]
[JsonSerializable(typeof(ImportView))]
[JsonSerializable(typeof(Page<ImportView>))]
[JsonSerializable(typeof(Page<RejectionView>))]
[JsonSerializable(typeof(FeedView))]
[JsonSerializable(typeof(Page<FeedView>))]
[JsonSerializable(typeof(Page<EcosystemView>))]
[JsonSerializable(typeof(VulnerabilityView))]
[JsonSerializable(typeof(EventView))]
[JsonSerializable(typeof(Page<EventView>))]
[JsonSerializable(typeof(ExportView))]
[JsonSerializable(typeof(ExportManifestView))]
[JsonSerializable(typeof(ExportRequest))]
[JsonSerializable(typeof(AffectedPage))]
[JsonSerializable(typeof(CurationRequest))]
[JsonSerializable(typeof(CurationView))]
[JsonSerializable(typeof(Page<CurationView>))]
[JsonSerializable(typeof(VexResult))]
[JsonSerializable(typeof(PendingRevocation[]))]
[JsonSerializable(typeof(ServerMetadata))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(DeviceAnswer))]
[JsonSerializable(typeof(OAuthRefusal))]
internal sealed partial class AgentJson : JsonSerializerContext;
