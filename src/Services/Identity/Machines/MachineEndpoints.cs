namespace EnvPlatform.Identity.Machines;

internal static class MachineEndpoints
{
    public static void MapMachines(this IEndpointRouteBuilder app)
    {
        var machines = app.MapGroup("/api/v1/orgs/{org}/machines").WithTags("Machines");
        machines.MapRegisterMachine();
        machines.MapReportRegistrationFailure();
        machines.MapListMachines();
        machines.MapRemoveMachine();
    }
}
